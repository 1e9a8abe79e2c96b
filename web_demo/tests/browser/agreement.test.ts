import { existsSync } from "node:fs";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { compare, comparePhotos, expected } from "./agreement.js";
import folders from "./folders.js";
import type { Analysed, Harness } from "./harness/harness.js";
import { StaticHost } from "./server.js";
import { browser, DIST, HARNESS, PICTURES, written } from "./setting.js";

declare const harness: Harness;

const bundle = `bundles/${folders[0]}`;
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

test("64 photos as people have them: boxes, bytes and probabilities are Python's", async () => {
  expect(expected).toHaveLength(64);
  const decoding = await comparePhotos(expected, {
    analyse: (file) => analyse(page, file),
    differs: (file, other) => page.evaluate(([one, two]) => harness.differs(one!, two!), [file, other]),
  });
  written("decoding-chromium.json", decoding);
  // A box may be off by a pixel, as detectors compute in float; nearly all are not.
  expect(decoding.same).toBeGreaterThanOrEqual(60);
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
