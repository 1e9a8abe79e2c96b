import { describe, expect, test } from "vitest";
import { BlazeFace } from "../../src/core/blazeFace.js";
import { Box, Square } from "../../src/core/box.js";
import { readContract } from "../../src/core/contract.js";
import { face, square } from "../../src/core/crop.js";
import { ranked } from "../../src/core/emotion.js";
import { base64, sha256, sha256OfPicture } from "../../src/core/hash.js";
import { Latency } from "../../src/core/latency.js";
import { Letterbox } from "../../src/core/letterbox.js";
import { picture, vectors } from "./vectors.js";

const contract = readContract(JSON.stringify(vectors.contract));
const rule = readContract(JSON.stringify(vectors.detector.contract)).detectors[0]!;

describe("as Python", () => {
  test("cuts every box", () => {
    expect(vectors.crops.length).toBeGreaterThan(50);
    for (const { size, box, square: wanted, sha256: hash } of vectors.crops) {
      const cut = square(new Box(...(box as [number, number, number, number])), size[0], size[1], contract.crop);
      expect([cut.left, cut.top, cut.side]).toEqual(wanted);
      expect(sha256(face(picture(size[0], size[1]), cut, contract)), `${size} ${box}`).toBe(hash);
    }
  });

  test("shrinks every letterbox", () => {
    for (const { size, side, border = 0, place, sha256: hash } of vectors.letterboxes) {
      const found = new Letterbox(picture(size[0], size[1]), side, border);
      expect([found.left, found.top, found.width, found.height]).toEqual(place);
      expect(sha256(found.bytes()), `${size} ${side} ${border}`).toBe(hash);
    }
  });

  test("looks at every window", () => {
    for (const { size, windows, border = 0, places } of vectors.windows) {
      expect(new Letterbox(picture(size[0], size[1]), windows * rule.size, border).places(rule.size)).toEqual(places);
    }
  });

  test("decodes and suppresses", () => {
    const detector = new BlazeFace(rule);
    const found = detector.suppressed(detector.decoded(outputs()));
    expect(found.length).toBe(vectors.detector.faces.length);
    found.forEach(({ left, top, right, bottom, score }, at) => {
      [left, top, right, bottom, score].forEach((value, which) =>
        expect(value).toBeCloseTo(vectors.detector.faces[at][which], 12),
      );
    });
  });
});

const ANCHORS = 44;

/** The made-up outputs of vectors.py: regressors and scores. */
function outputs(): [Float32Array, Float32Array] {
  const regressors = Float32Array.from(
    { length: ANCHORS * 16 }, (_, at) => (((Math.floor(at / 16) * 13 + (at % 16) * 7) % 19) - 4) / 2);
  return [regressors, Float32Array.from({ length: ANCHORS }, (_, at) => (((at * 37) % 41) - 20) / 8)];
}

describe("BlazeFace", () => {
  const edges = (right: number, score: number) => ({ left: 0, top: 0, right, bottom: 1, score });

  test("merges boxes above the overlap only", () => {
    const detector = new BlazeFace(rule);
    expect(detector.suppressed([edges(10, 0.75), edges(3, 0.25)])).toHaveLength(2);
    const [one, ...others] = detector.suppressed([edges(10, 0.75), edges(3.125, 0.25)]);
    expect(others).toEqual([]);
    expect(one!.right).toBeCloseTo(0.75 * 10 + 0.25 * 3.125, 12);
    expect(one!.score).toBe(0.75);
  });

  test("takes outputs in any order, and refuses those of another file", () => {
    const detector = new BlazeFace(rule);
    const [regressors, scores] = outputs();
    expect(detector.decoded([scores, regressors])).toEqual(detector.decoded([regressors, scores]));
    expect(() => detector.decoded([new Float32Array(10), scores])).toThrow("no output of 704 values");
  });

  test("keeps extreme scores within one, and drops those that are not numbers", () => {
    const [regressors, scores] = outputs();
    scores.fill(-Infinity);
    scores[0] = Infinity;
    scores[1] = NaN;
    regressors[2] = regressors[3] = 4;
    const found = new BlazeFace(rule).decoded([regressors, scores]);
    expect(found.map((one) => one.score)).toEqual([1]);
  });
});

test("a square of 6,000 pixels does not overflow", () => {
  const white = { width: 6000, height: 6000, data: new Uint8Array(6000 * 6000 * 4).fill(255) };
  const cut = square(new Box(-100_000, 0, 100_000, 1), 6000, 6000, contract.crop);
  expect(cut).toEqual(new Square(0, 0, 6000));
  expect(new Set(face(white, cut, contract))).toEqual(new Set([255]));
});

test("emotions are ranked, equal ones in the order of the labels", () => {
  const labels = ["a", "b", "c"];
  expect(ranked(labels, [0.25, 0.5, 0.25]).map((one) => one.label)).toEqual(["b", "a", "c"]);
  expect(() => ranked(["a"], [1, 0])).toThrow(RangeError);
});

test("hashes of bytes and of pixels", () => {
  expect(sha256(new TextEncoder().encode("abc"))).toBe(
    "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  const two = { width: 1, height: 2, data: Uint8Array.of(1, 2, 3, 255, 200, 5, 6, 0) };
  expect(sha256OfPicture(two)).toBe(sha256(Uint8Array.of(1, 2, 3, 200, 5, 6)));
});

test("base64 of every length", () => {
  for (let length = 0; length < 9; length++) {
    const bytes = Uint8Array.from({ length }, (_, at) => (at * 89 + 250) & 255);
    expect(base64(Buffer.from(bytes).toString("base64"))).toEqual(bytes);
  }
  for (const wrong of ["a", "ab", "abc", "ab*=", "a===", "=abc", "ab\n="]) expect(base64(wrong)).toBeNull();
});

test("percentiles lie between the two nearest times, and are never 0", () => {
  const latency = new Latency([4, 1, 3, 2]);
  expect(latency.milliseconds(50)).toBe(2.5);
  expect(latency.milliseconds(100)).toBe(4);
  expect(new Latency([0, 0]).milliseconds(50)).toBeGreaterThan(0);
});
