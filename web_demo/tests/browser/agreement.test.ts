import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import folders from "./folders.js";
import type { Analysed, Harness } from "./harness/harness.js";
import { StaticHost } from "./server.js";
import { browser, DIST, HARNESS, PICTURES, here } from "./setting.js";

declare const harness: Harness;

interface Expected {
  file: string;
  decoded: string;
  /** Hash of the red, green and blue bytes that Pillow decodes the file to. */
  pixels: string;
  faces: { box: number[]; gray: string; probabilities: number[] }[];
}

const bundle = `bundles/${folders[0]}`;
const expected = JSON.parse(readFileSync(`${PICTURES}/expected.json`, "utf8")) as Expected[];
let [host, chromium, page]: [StaticHost, Browser, Page] = [] as never;

beforeAll(async () => {
  host = await StaticHost.start(HARNESS, DIST, PICTURES);
  chromium = await browser();
  page = await chromium.newPage();
  await page.goto(`${host.address}/index.html`);
  await page.evaluate((folder) => harness.open(folder), bundle);
});

afterAll(async () => {
  await chromium?.close();
  await host?.stop();
});

const analyse = (on: Page, file: string): Promise<Analysed> => on.evaluate((path) => harness.analyse(path), file);

function distance(one: number[], other: number[]): number {
  return Math.max(...one.map((edge, at) => Math.abs(edge - other[at]!)));
}

/** Boxes within a pixel; where a box is the same, the same 48 x 48 bytes and int8 probabilities. */
function compare(found: Analysed, wanted: Expected, name: string): void {
  expect(found.faces.length, name).toBe(wanted.faces.length);
  found.faces.forEach((face, at) => {
    const other = wanted.faces[at]!;
    expect(distance(face.box, other.box), name).toBeLessThanOrEqual(1);
    if (distance(face.box, other.box) > 0) return;
    expect(face.gray, name).toBe(other.gray);
    expect(face.probabilities, name).toEqual(other.probabilities);
  });
}

test("64 photos as people have them: boxes, bytes and probabilities are Python's", async () => {
  expect(expected).toHaveLength(64);
  const decoding = { photos: 0, differ: 0, largest: 0, mean: 0, boxes: 0, labels: 0, probability: 0 };
  let same = 0;
  for (const one of expected) {
    const found = await analyse(page, one.file);
    decoding.photos++;
    // A wrong orientation would be other pixels, so it would show here.
    if (found.pixels === one.pixels) {
      compare(found, one, one.file);
      same += found.faces.every((face, at) => distance(face.box, one.faces[at]!.box) === 0) ? 1 : 0;
      continue;
    }
    // A JPEG that this browser decodes otherwise: Python's pixels must give Python's answers, and the file nearly those.
    expect(one.file).toMatch(/jpg$/);
    const decoded = await analyse(page, one.decoded);
    expect(decoded.pixels).toBe(one.pixels);
    compare(decoded, one, one.decoded);
    same += decoded.faces.every((face, at) => distance(face.box, one.faces[at]!.box) === 0) ? 1 : 0;
    const difference = await page.evaluate(([file, png]) => harness.differs(file!, png!), [one.file, one.decoded]);
    decoding.differ++;
    decoding.largest = Math.max(decoding.largest, difference.largest);
    decoding.mean = Math.max(decoding.mean, difference.mean);
    expect(found.faces.length, one.file).toBe(one.faces.length);
    found.faces.forEach((face, at) => {
      const other = one.faces[at]!;
      const top = (values: number[]): number => values.indexOf(Math.max(...values));
      decoding.boxes = Math.max(decoding.boxes, distance(face.box, other.box));
      decoding.labels += top(face.probabilities) === top(other.probabilities) ? 0 : 1;
      decoding.probability = Math.max(decoding.probability, distance(face.probabilities, other.probabilities));
    });
  }
  mkdirSync(here("../../test-results"), { recursive: true });
  writeFileSync(here("../../test-results/decoding.json"), JSON.stringify(decoding, null, 2));
  console.log("decoding, against Pillow:", decoding);
  // A box may be off by a pixel, as detectors compute in float; nearly all are not.
  expect(same).toBeGreaterThanOrEqual(60);
  expect(decoding.boxes).toBeLessThanOrEqual(3);
  expect(decoding.mean).toBeLessThan(4);
  expect(decoding.labels).toBeLessThanOrEqual(4);
});

test.each(["litert", "onnxruntime"] as const)("the golden vectors hold in %s", async (runtime) => {
  const report = await page.evaluate((kind) => harness.check(kind, 5), runtime);
  expect(report.photos).toMatchObject({ missing_faces: 0, foreign_faces: 0 });
  expect(report.photos.equal_photos).toBe(report.photos.photos);
  expect(report.photos.equal_crops).toBe(report.photos.crops);
  expect(report.variants.length).toBeGreaterThan(1);
  expect(report.passed, JSON.stringify(report)).toBe(true);
  const int8 = report.variants.filter((one) => one.precision === "int8");
  // Golden probabilities are rounded to six digits after the point at most.
  if (runtime === "litert") for (const one of int8) expect(one.largest_difference).toBeLessThan(1e-6);
});

test("the build without relaxed SIMD answers the same", async () => {
  const other = await chromium.newPage();
  await other.goto(`${host.address}/index.html`);
  await other.evaluate((folder) => harness.open(folder, true), bundle);
  for (const one of expected.slice(0, 6)) compare(await analyse(other, one.decoded), one, one.decoded);
  await other.close();
});

test("the bundle that is tested is the one in the page", () => {
  expect(existsSync(`${DIST}/${bundle}/manifest.json`)).toBe(true);
});
