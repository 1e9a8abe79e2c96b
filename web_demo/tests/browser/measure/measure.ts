import { mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import type { Page } from "playwright-core";
import { test } from "vitest";
import folders from "../folders.js";
import type { Answered, Harness, Kind } from "../harness/harness.js";
import { StaticHost } from "../server.js";
import { browser, DIST, HARNESS, onDisk, opened, PATIENCE, PICTURES, ready, says } from "../setting.js";
import { WebKit } from "../webkit.js";

declare const harness: Harness;

/** Work in a page, with one argument, as both drivers take it. */
type Evaluate = <Given, Answer>(work: (given: Given) => Answer | Promise<Answer>, given: Given) => Promise<Answer>;

/** Fresh browsers whose first visits are timed; their median counts. */
const VISITORS = 7;

const bundle = `bundles/${folders[0]}`;
const photo = `${bundle}/golden/portrait.png`;
const folder = process.env.WEB_MEASURED!;
const { variants } = JSON.parse(readFileSync(`${DIST}/${bundle}/manifest.json`, "utf8")) as {
  variants: { file: string; format: string }[];
};

/** The faces in every variant that a browser's runtimes run, and a photo through the pipeline. */
async function browsed(evaluate: Evaluate, formats: readonly string[]): Promise<unknown> {
  await evaluate((path) => harness.open(path), bundle);
  const photo_ms = await evaluate((path) => harness.time(path, 15), photo);
  const answered: Record<string, Answered> = {};
  for (const { file, format } of variants.filter((one) => formats.includes(one.format))) {
    const kind: Kind = format === "onnx" ? "onnxruntime" : "litert";
    answered[file] = await evaluate(({ kind, file }) => harness.answer(kind, file, "faces.bin"), { kind, file });
  }
  return { photo_ms, agent: await evaluate(() => navigator.userAgent, null), answered };
}

/** How long the page takes to open, first and without its server, and how many live pictures a second it analyses. */
async function page(): Promise<Record<string, number>> {
  const host = await StaticHost.start(DIST);
  const chromium = await browser(`${PICTURES}/camera.mjpeg`);
  const started = async (on: Page): Promise<number> => Number(await on.locator("html").getAttribute("data-ready"));
  const firsts: number[] = [];
  for (let visitor = 0; visitor < VISITORS; visitor++) {
    const fresh = await onDisk(mkdtempSync(`${folder}/visitor-`));
    const visit = await fresh.newPage();
    // The browser's own start, which keeps the cores busy for a time, is not the page's.
    await visit.waitForTimeout(3000);
    firsts.push(await started(await opened(visit, `${host.address}/`)));
    await fresh.close();
  }
  const first_start_ms = firsts.sort((one, other) => one - other)[(VISITORS - 1) / 2]!;
  const on = await opened(await chromium.newPage(), `${host.address}/`);
  await on.evaluate(() => navigator.serviceWorker.ready.then(() => {}));
  await host.stop();
  await on.reload();
  await ready(on);
  const offline_start_ms = await started(on);
  await on.click("#camera");
  await says(on, "one_face");
  await on.waitForFunction(() => Number(document.getElementById("time")!.dataset.pictures) >= 100, null, {
    timeout: PATIENCE,
  });
  const live_pictures_a_second = Number(await on.locator("#time").getAttribute("data-rate"));
  await chromium.close();
  return { first_start_ms, offline_start_ms, live_pictures_a_second };
}

test("measure", async () => {
  const host = await StaticHost.start(folder, HARNESS, DIST);
  const chromium = await browser();
  const on = await chromium.newPage();
  await on.goto(`${host.address}/index.html`);
  const found: Record<string, unknown> = {
    chromium: await browsed((work, given) => on.evaluate(work as never, given as never), ["tflite", "onnx"]),
  };
  await chromium.close();
  const webkit = await WebKit.start();
  await webkit.goto(`${host.address}/index.html`);
  found.webkit = await browsed((work, given) => webkit.evaluate(work, given), ["tflite"]);
  await webkit.stop();
  await host.stop();
  found.page = await page();
  writeFileSync(`${folder}/measured.json`, JSON.stringify(found));
});
