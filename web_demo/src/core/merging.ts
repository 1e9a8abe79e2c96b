import type { Box, Face } from "./box.js";
import { type Contract, type DetectorRule, FIRST_COME, type MergeRule } from "./contract.js";
import { square } from "./crop.js";

/** What one detector rule found, the surest first. */
export interface FoundByRule {
  readonly rule: DetectorRule;
  readonly faces: readonly Face[];
}

/** The faces of a photo by the rule of the contract's version; `found` in the order of the contract's detectors. */
export function merged(found: readonly FoundByRule[], width: number, height: number, contract: Contract): Face[] {
  if (contract.version <= FIRST_COME) return firstCome(found, width, height, contract);
  const inside = found.map(({ rule, faces }) => ({
    rule, faces: faces.filter((face) => centred(face.box, width, height)),
  }));
  const files = [...new Set(contract.detectors.map((rule) => rule.file))];
  const longer = Math.max(width, height);
  const faces = apart(confirmed(inside.flatMap((one) => one.faces), contract.merge, files, longer), contract.merge);
  if (faces.length) return faces;
  return alone(inside.flatMap((one) => (one.rule.windows === 1 ? one.faces : [])), contract.merge);
}

/** Each candidate that leads others, with its score as a face of a photo whose longer side is `longer`. */
function confirmed(candidates: Face[], rule: MergeRule, files: readonly string[], longer: number): Face[] {
  let rest = candidates.sort((one, other) => other.score - one.score);
  const faces: Face[] = [];
  while (rest.length) {
    const first = rest[0]!;
    const others: Face[] = [];
    const best = new Map(files.map((file) => [file, 0]));
    for (const one of rest) {
      if (one === first || same(first.box, one.box, rule.same)) {
        best.set(one.detector, Math.max(best.get(one.detector) ?? 0, one.score));
      } else {
        others.push(one);
      }
    }
    // Few windows show small faces, and most of them to one network only: its own score counts.
    const small = first.box.side * 1000 < rule.small * longer && first.score * 1000 >= rule.smallAlone;
    const score = files.reduce((sum, file) => sum + best.get(file)!, 0) / files.length;
    faces.push(small ? first : { ...first, score });
    rest = others;
  }
  return faces;
}

/** The faces that count, none of which covers a surer one. */
function apart(faces: Face[], rule: MergeRule): Face[] {
  const kept: Face[] = [];
  for (const face of faces.sort((one, other) => other.score - one.score || largestFirst(one, other))) {
    const counts = face.score * 1000 >= rule.score && face.box.side >= rule.size;
    if (counts && !kept.some((other) => covers(face.box, other.box, rule.cover))) kept.push(face);
  }
  return kept;
}

/** The surest candidate of whole photos, if it counts without another network. */
function alone(candidates: readonly Face[], rule: MergeRule): Face[] {
  const [first, ...others] = candidates;
  if (!first) return [];
  const surest = others.reduce((best, face) => (face.score > best.score ? face : best), first);
  const counts = surest.score * 1000 >= Math.max(rule.score, rule.alone) && surest.box.side >= rule.size;
  return counts ? [surest] : [];
}

/** Versions 1 and 2: a kept box stays, whatever the score of a later one; the largest first. */
function firstCome(found: readonly FoundByRule[], width: number, height: number, contract: Contract): Face[] {
  const kept: Face[] = [];
  for (const { rule, faces } of found) {
    // One window's faces are told apart already; two windows may show the same one.
    const others = rule.windows === 1 ? [...kept] : kept;
    for (const face of faces) {
      const touched = face.box.shared(square(face.box, width, height, contract.crop).box) > 0;
      if (touched && !others.some((other) => covers(face.box, other.box, contract.merge.cover))) kept.push(face);
    }
  }
  return kept.sort(largestFirst);
}

function largestFirst(one: Face, other: Face): number {
  return other.box.area - one.box.area || one.box.left - other.box.left || one.box.top - other.box.top;
}

function centred(box: Box, width: number, height: number): boolean {
  const [x, y] = [box.left + box.right, box.top + box.bottom];
  return 0 <= x && x < 2 * width && 0 <= y && y < 2 * height;
}

function same(box: Box, other: Box, thousandths: number): boolean {
  const shared = box.shared(other);
  return shared * 1000 > thousandths * (box.area + other.area - shared);
}

function covers(box: Box, other: Box, thousandths: number): boolean {
  return box.shared(other) * 1000 > thousandths * Math.min(box.area, other.area);
}
