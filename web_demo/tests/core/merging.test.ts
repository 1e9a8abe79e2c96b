import { describe, expect, test } from "vitest";
import { Box, type Face } from "../../src/core/box.js";
import { type Contract, readContract } from "../../src/core/contract.js";
import { FaceDetector } from "../../src/core/faceDetector.js";
import { merged } from "../../src/core/merging.js";
import type { FaceModel } from "../../src/core/runtime.js";
import { picture, vectors } from "./vectors.js";

const SIDE = 100;

type Edges = [number, number, number, number];
type Candidate = [...Edges, number?];

const MERGE = { same: 400, cover: 300, score: 550, size: 12, alone: 770 };

/** A contract whose detectors a.tflite and b.tflite have a grid of 2 x 2 anchors each. */
function contract(version: number, windows: number): Contract {
  const detector = (file: string, each: number) => ({
    ...{ file, sha256: "", size: SIDE, windows: each, grids: [{ cells: 2, anchors: 1 }], threshold: 500, overlap: 300 },
    ...(version > 2 ? { margin: 0 } : {}),
  });
  const detectors = [detector("a.tflite", 1), detector("b.tflite", windows)];
  return readContract(
    JSON.stringify({ ...vectors.contract, version, detectors, merge: version > 2 ? MERGE : 300 }));
}

/** A file that finds up to four boxes of a picture of SIDE x SIDE pixels; without a score, each less sure. */
function finding(...boxes: Candidate[]): FaceModel {
  const regressors = new Float32Array(4 * 16);
  const scores = new Float32Array(4).fill(-9);
  boxes.forEach(([left, top, right, bottom, score], at) => {
    regressors[at * 16] = (left + right) / 2 - (SIDE * ((at % 2) + 0.5)) / 2;
    regressors[at * 16 + 1] = (top + bottom) / 2 - (SIDE * (Math.floor(at / 2) + 0.5)) / 2;
    regressors[at * 16 + 2] = right - left;
    regressors[at * 16 + 3] = bottom - top;
    scores[at] = score === undefined ? 9 - at : Math.log(score / (1 - score));
  });
  return { run: () => Promise.resolve([regressors, scores]), close: () => {} };
}

async function found(first: FaceModel, second: FaceModel, version: number, windows = 1): Promise<string> {
  const models = new Map([["a.tflite", first], ["b.tflite", second]]);
  const faces = await new FaceDetector(contract(version, windows), models).faces(picture(SIDE, SIDE));
  return faces.map((one) => `${one.detector[0]}[${one.box.edges.join(", ")}]`).join(" ");
}

describe("version 2", () => {
  const old = (first: FaceModel, second: FaceModel, windows = 1) => found(first, second, 2, windows);

  test("finds nothing where nobody is", async () => {
    expect(await old(finding(), finding())).toBe("");
  });

  test("orders by area, then from the left, then from the top", async () => {
    const first = finding([30, 40, 40, 50], [30, 10, 40, 20], [10, 40, 20, 50], [60, 60, 90, 90]);
    expect(await old(first, finding())).toBe(
      "a[60, 60, 90, 90] a[10, 40, 20, 50] a[30, 10, 40, 20] a[30, 40, 40, 50]");
  });

  test("drops a later detector's face that an earlier one found", async () => {
    const first = finding([10, 10, 50, 50]);
    // Up to 30 of the smaller box's 100 pixels may be shared.
    expect(await old(first, finding([20, 20, 30, 30]))).toBe("a[10, 10, 50, 50]");
    expect(await old(first, finding([47, 20, 57, 30]))).toBe("a[10, 10, 50, 50] b[47, 20, 57, 30]");
    expect(await old(first, finding([46, 20, 56, 30]))).toBe("a[10, 10, 50, 50]");
  });

  test("keeps faces of one detector that touch", async () => {
    const both = finding([10, 10, 50, 50], [30, 30, 40, 40]);
    expect(await old(both, finding())).toBe("a[10, 10, 50, 50] a[30, 30, 40, 40]");
  });

  test("looks at every window and keeps each face once", async () => {
    // Of two windows a side: 40 pixels of a window are 20 of the photo, and windows start at 0, 25 and 50.
    expect(await old(finding(), finding([10, 10, 50, 50]), 2)).toBe(
      "b[5, 5, 25, 25] b[5, 30, 25, 50] b[5, 55, 25, 75] b[30, 5, 50, 25] b[30, 30, 50, 50]" +
        " b[30, 55, 50, 75] b[55, 5, 75, 25] b[55, 30, 75, 50] b[55, 55, 75, 75]");
    // Boxes of 40 cover those of the windows beside them, of which the first stay, as all are equally sure.
    expect(await old(finding(), finding([10, 10, 90, 90]), 2)).toBe(
      "b[5, 5, 45, 45] b[5, 55, 45, 95] b[30, 30, 70, 70] b[55, 5, 95, 45] b[55, 55, 95, 95]");
    expect(await old(finding([0, 0, 60, 60]), finding([10, 10, 50, 50]), 2)).toBe(
      "a[0, 0, 60, 60] b[5, 55, 25, 75] b[30, 55, 50, 75] b[55, 5, 75, 25] b[55, 30, 75, 50] b[55, 55, 75, 75]");
  });

  test("drops a box wholly outside and keeps one across the border", async () => {
    expect(await old(finding([-15, 40, 5, 60], [120, 40, 140, 60]), finding())).toBe("a[-15, 40, 5, 60]");
  });

  test("runs no rule of more windows than asked for", async () => {
    const models = new Map([["a.tflite", finding([0, 0, 9, 9])], ["b.tflite", finding([40, 40, 90, 90])]]);
    const faces = await new FaceDetector(contract(2, 2), models).faces(picture(SIDE, SIDE), 1);
    expect(faces.map((one) => one.detector)).toEqual(["a.tflite"]);
  });
});

describe("version 3", () => {
  const now = (first: FaceModel, second: FaceModel, windows = 1) => found(first, second, 3, windows);

  test("keeps the surest box of those that both files see, and drops what one alone is half sure of", async () => {
    expect(await now(finding([10, 10, 50, 50, 0.6]), finding([12, 10, 52, 50, 0.9]))).toBe("b[12, 10, 52, 50]");
    // (.76 + 0) / 2 and (.6 + 0) / 2 are below .55.
    expect(await now(finding([10, 10, 50, 50, 0.76]), finding([60, 60, 90, 90, 0.6]))).toBe("");
    // The surest alone, where no other face is left.
    expect(await now(finding([10, 10, 50, 50, 0.9]), finding([60, 60, 90, 90, 0.6]))).toBe("a[10, 10, 50, 50]");
  });

  test("drops faces that are too small", async () => {
    const both = (side: number) => [finding([10, 10, 10 + side, 10 + side]), finding([10, 10, 10 + side, 10 + side])];
    expect(await now(...(both(12) as [FaceModel, FaceModel]))).toBe("a[10, 10, 22, 22]");
    expect(await now(...(both(11) as [FaceModel, FaceModel]))).toBe("");
  });

  test("drops a box whose centre is outside", async () => {
    const across = finding([-15, 40, 15, 70], [-25, 0, 15, 30]);
    expect(await now(across, across)).toBe("a[-15, 40, 15, 70]");
  });

  test("drops the less sure of two faces of which one covers the other, and orders by score", async () => {
    const both = finding([10, 10, 50, 50, 0.8], [20, 20, 40, 40, 0.9], [60, 60, 90, 90, 0.95]);
    expect(await now(both, both)).toBe("a[60, 60, 90, 90] a[20, 20, 40, 40]");
  });
});

test("merges made-up candidates as Python does, by the rule of every version", () => {
  expect(vectors.merging.length).toBeGreaterThan(5);
  for (const { contract: document, size, found: lists, faces } of vectors.merging) {
    const read = readContract(JSON.stringify(document));
    const face = ({ box, ...one }: any): Face => ({ box: new Box(...(box as Edges)), ...one });
    const given = lists.map((list: any[], at: number) => ({ rule: read.detectors[at]!, faces: list.map(face) }));
    const merge = merged(given, size[0], size[1], read);
    expect(merge.map((one) => [...one.box.edges, one.detector])).toEqual(
      faces.map((one: any) => [...one.box, one.detector]));
    merge.forEach((one, at) => expect(one.score).toBeCloseTo(faces[at].score, 6));
  }
});

test("boxes beyond the picture are measured in whole numbers", () => {
  expect(new Box(0, 0, 10, 10).shared(new Box(5, 5, 20, 20))).toBe(25);
  expect(new Box(0, 0, 10, 10).shared(new Box(10, 0, 20, 10))).toBe(0);
});
