import { afterAll, beforeAll, expect, test } from "vitest";
import { comparePhotos, expected } from "./agreement.js";
import folders from "./folders.js";
import type { Harness } from "./harness/harness.js";
import { StaticHost } from "./server.js";
import { DIST, HARNESS, PICTURES, written } from "./setting.js";
import { WebKit } from "./webkit.js";

declare const harness: Harness;

let [host, webkit]: [StaticHost, WebKit] = [] as never;

beforeAll(async () => {
  host = await StaticHost.start(HARNESS, DIST, PICTURES);
  webkit = await WebKit.start();
  await webkit.goto(`${host.address}/index.html`);
  await webkit.evaluate((folder) => harness.open(folder), `bundles/${folders[0]}`);
});

afterAll(async () => {
  await webkit?.stop();
  await host?.stop();
});

test("the golden vectors hold in LiteRT.js", async () => {
  const report = await webkit.evaluate(() => harness.check("litert", 5));
  expect(report.passed, JSON.stringify(report)).toBe(true);
  const int8 = report.variants.filter((one) => one.precision === "int8");
  for (const one of int8) expect(one.largest_difference).toBeLessThan(1e-6);
});

test("photos as people have them: boxes, bytes and probabilities are Python's", async () => {
  // PNG, and JPEG of all orientations.
  const decoding = await comparePhotos(expected.slice(0, 16), {
    analyse: (file) => webkit.evaluate((path) => harness.analyse(path), file),
    differs: (file, other) => webkit.evaluate((one, two) => harness.differs(one, two), file, other),
  });
  written("decoding-webkit.json", decoding);
  expect(decoding.same).toBeGreaterThanOrEqual(15);
});

test("the page opens, and its self-check passes", async () => {
  const own = await StaticHost.start(DIST);
  try {
    await webkit.goto(`${own.address}/`);
    const verdict = await webkit.evaluate(async () => {
      const until = async (selector: string): Promise<void> => {
        while (!document.querySelector(selector)) await new Promise((resolve) => setTimeout(resolve, 50));
      };
      await until("html[data-ready], #status[data-said=broken]");
      document.getElementById("check")!.click();
      document.getElementById("check-run")!.click();
      await until("#check-run:disabled");
      await until("#check-run:enabled");
      return document.getElementById("check-result")!.innerText;
    });
    expect(verdict).toContain("This browser computes what Python computed.");
  } finally {
    await own.stop();
  }
});
