import { Box, type Face } from "./box.js";
import type { DetectorRule } from "./contract.js";
import { Letterbox } from "./letterbox.js";
import type { Picture } from "./picture.js";
import type { FaceModel } from "./runtime.js";

/** Raw scores are clipped to this, either way, before the sigmoid. */
const RAW_LIMIT = 100;

/** Values that the regressor gives for an anchor: centre, size, and six landmarks that are not used here. */
const VALUES = 16;

/** A box in a window, edges from 0 to 1. */
export interface Found {
  readonly left: number;
  readonly top: number;
  readonly right: number;
  readonly bottom: number;
  readonly score: number;
}

/**
 * One detector of the contract: its input, its anchors and what its outputs mean, in double precision.
 *
 * Decoding and weighted non-maximum suppression are those of BlazeFace (Bazarevsky et al., 2019).
 */
export class BlazeFace {
  private readonly centres: Float64Array;

  constructor(readonly rule: DetectorRule) {
    this.centres = anchors(rule);
  }

  /** The faces of one photo, the surest first. */
  async faces(photo: Picture, model: FaceModel): Promise<Face[]> {
    const { rule } = this;
    const side = rule.windows * rule.size;
    const faces: Face[] = [];
    for (const window of new Letterbox(photo, side, Math.floor((side * rule.margin) / 1000)).windows(rule.size)) {
      for (const one of this.suppressed(this.decoded(await model.run(window.input(), rule.size)))) {
        const box = new Box(window.x(one.left), window.y(one.top), window.x(one.right), window.y(one.bottom));
        faces.push({ box, score: one.score, detector: rule.file });
      }
    }
    return faces.sort((one, other) => other.score - one.score);
  }

  /** The boxes above the threshold, the surest first, then in the order of the anchors. */
  decoded(outputs: readonly Float32Array[]): Found[] {
    const count = this.centres.length / 2;
    const regressors = this.output(outputs, count * VALUES);
    const scores = this.output(outputs, count);
    const result: Found[] = [];
    for (let at = 0; at < count; at++) {
      const raw = Math.min(Math.max(scores[at]!, -RAW_LIMIT), RAW_LIMIT);
      const score = 1 / (1 + Math.exp(-raw));
      const value = (which: number): number => regressors[at * VALUES + which]! / this.rule.size;
      const halfWidth = value(2) / 2;
      const halfHeight = value(3) / 2;
      if (score * 1000 >= this.rule.threshold && halfWidth > 0 && halfHeight > 0) {
        const x = value(0) + this.centres[2 * at]!;
        const y = value(1) + this.centres[2 * at + 1]!;
        const edges = { left: x - halfWidth, top: y - halfHeight, right: x + halfWidth, bottom: y + halfHeight };
        result.push({ ...edges, score });
      }
    }
    return result.sort((one, other) => other.score - one.score);
  }

  /**
   * Weighted non-maximum suppression of boxes in the order of their scores: those whose intersection over union with
   * the surest is above the rule's overlap become one, the mean of their edges weighted by their scores.
   */
  suppressed(ordered: readonly Found[]): Found[] {
    let rest = [...ordered];
    const faces: Found[] = [];
    while (rest.length) {
      const surest = rest[0]!;
      const others: Found[] = [];
      const edges: [number, number, number, number] = [0, 0, 0, 0];
      let weight = 0;
      for (const one of rest) {
        if (one !== surest && !(overlap(surest, one) * 1000 > this.rule.overlap)) {
          others.push(one);
          continue;
        }
        edges[0] += one.left * one.score;
        edges[1] += one.top * one.score;
        edges[2] += one.right * one.score;
        edges[3] += one.bottom * one.score;
        weight += one.score;
      }
      const [left, top, right, bottom] = edges.map((edge) => edge / weight) as typeof edges;
      faces.push({ left, top, right, bottom, score: surest.score });
      rest = others;
    }
    return faces;
  }

  private output(outputs: readonly Float32Array[], length: number): Float32Array {
    const found = outputs.find((output) => output.length === length);
    if (!found) throw new Error(`${this.rule.file} has no output of ${length} values, as its rule says`);
    return found;
  }
}

/** Centres as x, y, x, y ... from 0 to 1, in the order of the detector's outputs. */
export function anchors(rule: DetectorRule): Float64Array {
  const centres: number[] = [];
  for (const grid of rule.grids) {
    for (let cell = 0; cell < grid.cells * grid.cells; cell++) {
      for (let anchor = 0; anchor < grid.anchors; anchor++) {
        centres.push(((cell % grid.cells) + 0.5) / grid.cells, (Math.floor(cell / grid.cells) + 0.5) / grid.cells);
      }
    }
  }
  return Float64Array.from(centres);
}

/** Intersection over union. */
function overlap(one: Found, other: Found): number {
  const width = Math.min(one.right, other.right) - Math.max(one.left, other.left);
  const height = Math.min(one.bottom, other.bottom) - Math.max(one.top, other.top);
  const shared = Math.max(width, 0) * Math.max(height, 0);
  return shared / (area(one) + area(other) - shared);
}

function area(one: Found): number {
  return (one.right - one.left) * (one.bottom - one.top);
}
