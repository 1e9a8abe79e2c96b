import { readFileSync } from "node:fs";
import { expect } from "vitest";
import type { Analysed } from "./harness/harness.js";
import { PICTURES } from "./setting.js";

/** A photo that pictures.py wrote, and what Python finds in it. */
export interface Expected {
  file: string;
  /** What Pillow decodes the file to, as PNG. */
  decoded: string;
  /** Hash of the red, green and blue bytes that Pillow decodes the file to. */
  pixels: string;
  faces: { box: number[]; gray: string; probabilities: number[] }[];
}

/** How a browser's decoding of JPEGs compares with Pillow's, and what it changes. */
export interface Decoding {
  photos: number;
  /** Photos whose bytes are not Pillow's. */
  differ: number;
  /** Largest difference of any byte, and the largest mean difference of a photo. */
  largest: number;
  mean: number;
  /** Of the photos that differ: the farthest edge of a box in pixels, faces with another label, and the farthest
   * probability. */
  boxes: number;
  labels: number;
  probability: number;
  /** Photos whose boxes are Python's to the pixel, given Python's bytes. */
  same: number;
}

export const expected = JSON.parse(readFileSync(`${PICTURES}/expected.json`, "utf8")) as Expected[];

/** A browser with the harness in it. */
export interface Browsing {
  analyse(file: string): Promise<Analysed>;
  differs(file: string, other: string): Promise<{ largest: number; mean: number }>;
}

/** Given the same bytes: boxes within a pixel; where a box is the same, the same 48 x 48 bytes and int8 probabilities. */
export function compare(found: Analysed, wanted: Expected, name: string): void {
  expect(found.faces.length, name).toBe(wanted.faces.length);
  found.faces.forEach((face, at) => {
    const other = wanted.faces[at]!;
    expect(distance(face.box, other.box), name).toBeLessThanOrEqual(1);
    if (distance(face.box, other.box) > 0) return;
    expect(face.gray, name).toBe(other.gray);
    expect(face.probabilities, name).toEqual(other.probabilities);
  });
}

/** Compares photos with Python's answers; of a JPEG that is decoded otherwise, also what Pillow decodes it to. */
export async function comparePhotos(
  photos: readonly Expected[], { analyse, differs }: Browsing,
): Promise<Decoding> {
  const decoding = { photos: 0, differ: 0, largest: 0, mean: 0, boxes: 0, labels: 0, probability: 0, same: 0 };
  for (const one of photos) {
    const found = await analyse(one.file);
    decoding.photos++;
    // A wrong orientation would be other pixels, so it would show here.
    if (found.pixels === one.pixels) {
      compare(found, one, one.file);
      decoding.same += sameBoxes(found, one) ? 1 : 0;
      continue;
    }
    expect(one.file).toMatch(/jpg$/);
    const decoded = await analyse(one.decoded);
    expect(decoded.pixels).toBe(one.pixels);
    compare(decoded, one, one.decoded);
    decoding.same += sameBoxes(decoded, one) ? 1 : 0;
    const difference = await differs(one.file, one.decoded);
    decoding.differ++;
    decoding.largest = Math.max(decoding.largest, difference.largest);
    decoding.mean = Math.max(decoding.mean, difference.mean);
    expect(found.faces.length, one.file).toBe(one.faces.length);
    found.faces.forEach((face, at) => {
      const other = one.faces[at]!;
      decoding.boxes = Math.max(decoding.boxes, distance(face.box, other.box));
      decoding.labels += top(face.probabilities) === top(other.probabilities) ? 0 : 1;
      decoding.probability = Math.max(decoding.probability, distance(face.probabilities, other.probabilities));
    });
  }
  return decoding;
}

function sameBoxes(found: Analysed, wanted: Expected): boolean {
  return found.faces.every((face, at) => distance(face.box, wanted.faces[at]!.box) === 0);
}

function distance(one: number[], other: number[]): number {
  return Math.max(...one.map((edge, at) => Math.abs(edge - other[at]!)));
}

function top(values: number[]): number {
  return values.indexOf(Math.max(...values));
}
