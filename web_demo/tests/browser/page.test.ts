import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import type { Browser, BrowserContext, BrowserContextOptions, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import folders from "./folders.js";
import { StaticHost } from "./server.js";
import {
  browser, DIST, here, onDisk, opened, PATIENCE, PICTURES, ready, said, says, SCREENS, written,
} from "./setting.js";

const GOLDEN = `${DIST}/bundles/${folders[0]}/golden`;
const golden = JSON.parse(readFileSync(`${GOLDEN}/golden.json`, "utf8")) as {
  photos: { file: string; width: number; height: number; faces: { box: number[] }[] }[];
};
const contract = JSON.parse(readFileSync(`${DIST}/bundles/${folders[0]}/contract.json`, "utf8")) as {
  labels: string[];
};
const PHONE = { viewport: { width: 390, height: 844 }, deviceScaleFactor: 2, hasTouch: true };
const DESKTOP = { viewport: { width: 1280, height: 900 } };

let [host, chromium]: [StaticHost, Browser] = [] as never;
const visited = new Map<object, BrowserContext>();

beforeAll(async () => {
  mkdirSync(SCREENS, { recursive: true });
  host = await StaticHost.start(DIST);
  chromium = await browser(`${PICTURES}/camera.mjpeg`);
});

afterAll(async () => {
  await chromium?.close();
  await host?.stop();
});

async function fresh(options: BrowserContextOptions = {}, at = host.address): Promise<[Page, BrowserContext]> {
  const context = await chromium.newContext({ ...DESKTOP, locale: "en", ...options });
  return [await opened(await context.newPage(), `${at}/`), context];
}

/** The page in a window where it was opened before, so that it comes from what is kept. */
async function again(options: BrowserContextOptions = DESKTOP): Promise<Page> {
  const context = visited.get(options);
  if (context) return opened(await context.newPage(), `${host.address}/`);
  const [page, made] = await fresh(options);
  await kept(page);
  visited.set(options, made);
  return page;
}

/** Resolves when all that the page keeps is there. */
function kept(page: Page): Promise<void> {
  return page.evaluate(() => navigator.serviceWorker.ready.then(() => {}));
}

async function photo(page: Page, file: string): Promise<void> {
  await page.setInputFiles("#file", file);
  await says(page, "one_face", "faces", "no_face", "unreadable", "failed");
}

async function violations(page: Page): Promise<string[]> {
  return page.evaluate(() => (globalThis as unknown as { violations: string[] }).violations);
}

/** The boxes of the faces shown, in pixels of the photo. */
function boxes(page: Page, width: number, height: number): Promise<number[][]> {
  return page.$$eval(".face", (faces, [across, down]) =>
    faces.map((face) => {
      const { left, top, width: wide, height: high } = (face as HTMLElement).style;
      const [x, y, w, h] = [left, top, wide, high].map((value) => parseFloat(value) / 100) as [number, number, number, number];
      return [x * across!, y * down!, (x + w) * across!, (y + h) * down!].map(Math.round);
    }), [width, height]);
}

test("golden photos: boxes where Python finds them, bars of the face that is touched, by mouse and keyboard", async () => {
  const page = await again();
  for (const name of ["several", "portrait"]) {
    const wanted = golden.photos.find((one) => one.file === `golden/${name}.png`)!;
    await photo(page, `${GOLDEN}/${name}.png`);
    const found = await boxes(page, wanted.width, wanted.height);
    expect(found.length).toBe(wanted.faces.length);
    found.forEach((box, at) =>
      box.forEach((edge, side) => expect(Math.abs(edge - wanted.faces[at]!.box[side]!)).toBeLessThanOrEqual(1)));
    expect(await page.locator("#bars li").count()).toBe(contract.labels.length);
  }
  await photo(page, `${GOLDEN}/several.png`);
  expect(await said(page)).toBe("faces");
  const pressed = (): Promise<(string | null)[]> =>
    page.$$eval(".face", (faces) => faces.map((face) => face.getAttribute("aria-pressed")));
  expect((await pressed()).indexOf("true")).toBe(0);
  await page.locator(".face").nth(2).click();
  expect((await pressed()).indexOf("true")).toBe(2);
  expect(await page.locator("#results-title").textContent()).toContain("3");
  await page.locator(".face").nth(1).focus();
  await page.keyboard.press("Enter");
  expect((await pressed()).indexOf("true")).toBe(1);
  expect(await page.locator(".face").nth(1).getAttribute("aria-label")).toMatch(/^Face 2: \w+ \d+%$/);
  expect(await violations(page)).toEqual([]);
  await page.close();
});

test("no face and a file that is not a picture are explained", async () => {
  const page = await again();
  await photo(page, `${GOLDEN}/no-face.png`);
  expect(await said(page)).toBe("no_face");
  expect(await page.locator(".face").count()).toBe(0);
  const text = here("../../test-results/text.png");
  writeFileSync(text, "not a picture");
  await photo(page, text);
  expect(await said(page)).toBe("unreadable");
  await page.close();
});

test("nothing leaves the page: every connection is refused before the first picture", async () => {
  const page = await again();
  expect(await violations(page)).toEqual([]);
  const asked = host.asked.length;
  const refused = await page.evaluate(async (own) => {
    const tried = [
      fetch(own), fetch("https://example.org/"), fetch(own, { method: "POST", body: "picture", mode: "no-cors" }),
    ];
    return (await Promise.allSettled(tried)).map((one) => one.status);
  }, `${host.address}/index.html`);
  expect(refused).toEqual(["rejected", "rejected", "rejected"]);
  expect(await page.evaluate(() => navigator.sendBeacon("/beacon", "picture"))).toBeDefined();
  await page.evaluate(() => {
    document.head.querySelectorAll("meta[http-equiv]").forEach((one) => one.remove());
    const image = new Image();
    image.src = "https://example.org/picture";
    return fetch("/index.html").catch(() => {});
  });
  expect((await violations(page)).filter((one) => one.startsWith("connect-src")).length).toBeGreaterThanOrEqual(4);
  expect((await violations(page)).some((one) => one.startsWith("img-src"))).toBe(true);
  expect(host.asked.slice(asked).filter((path) => path === "/index.html" || path === "/beacon")).toEqual([]);
  await page.close();
});

test("every network can be chosen, with its measured time, and answers; ONNX is fetched on demand", async () => {
  const [page, context] = await fresh();
  await kept(page);
  await photo(page, `${GOLDEN}/portrait.png`);
  const names = await page.locator("#network option").allTextContents();
  expect(names[0]).toMatch(/: \d+\.\d ms$/);
  expect(names.some((name) => name.includes("ONNX"))).toBe(true);
  expect(host.asked.some((path) => path.includes("onnxruntime/"))).toBe(false);
  for (let at = names.length - 1; at >= 0; at--) {
    await page.selectOption("#network", { index: at });
    await page.waitForFunction(
      (index) => {
        const select = document.getElementById("network") as HTMLSelectElement;
        const status = document.getElementById("status")!.dataset.said;
        return select.selectedIndex === index && select.options[index]!.text.includes("ms") && status === "one_face";
      }, at, { timeout: PATIENCE });
    const percents = await page.$$eval("#bars .percent", (all) => all.map((one) => parseInt(one.textContent!, 10)));
    expect(percents.reduce((sum, one) => sum + one, 0)).toBeGreaterThan(90);
  }
  expect(await violations(page)).toEqual([]);
  await context.close();
});

test("the self-check passes, and fer-export device reads what it shares", async () => {
  const page = await again();
  await page.click("#check");
  await page.click("#check-run");
  await page.waitForSelector("#check-share:not([hidden])", { timeout: PATIENCE });
  expect(await page.locator("#check-result .verdict").textContent()).toBe("This browser computes what Python computed.");
  await page.screenshot({ path: `${SCREENS}/self-check.png` });
  const [download] = await Promise.all([page.waitForEvent("download"), page.click("#check-share")]);
  const file = here("../../test-results/self-check.json");
  await download.saveAs(file);
  const python = process.env.FER_EXPORT_PYTHON ?? "python";
  const table = JSON.parse(
    execFileSync(python, ["-m", "fer_export", "device", file, "--json"], { encoding: "utf8" }),
  ) as { passed: boolean; rows: { runtime: string }[] };
  expect(table.passed).toBe(true);
  expect(table.rows[0]!.runtime).toMatch(/^litert.js/);
  expect(await violations(page)).toEqual([]);
  await page.close();
});

test("a first visit is sent every file once", async () => {
  const own = await StaticHost.start(DIST);
  const folder = mkdtempSync(join(tmpdir(), "fer-export-"));
  const context = await onDisk(folder);
  await kept(await opened(await context.newPage(), `${own.address}/`));
  expect(own.sent.length).toBeGreaterThan(10);
  expect(own.sent.filter((path, at) => own.sent.indexOf(path) !== at)).toEqual([]);
  await context.close();
  await own.stop();
  rmSync(folder, { recursive: true });
});

test("after the first visit the page opens, analyses and checks itself with the server stopped", async () => {
  const own = await StaticHost.start(DIST);
  const [page, context] = await fresh({}, own.address);
  // As gzip gives it: what the page itself asks for before it can be used, and all that is kept for later.
  const loaded = await page.evaluate(() => performance.getEntriesByType("resource").map((one) => one.name));
  const asked = [...new Set(loaded.map((name) => new URL(name).pathname)), "/index.html"];
  const size = (paths: string[]): number => paths.reduce((sum, path) => sum + compressed(path), 0);
  await kept(page);
  const whole = size([...new Set(own.sent)].filter((path) => path !== "/"));
  const started = await page.locator("html").getAttribute("data-ready");
  expect(size(asked)).toBeGreaterThan(2_000_000);
  expect(whole).toBeLessThan(6_000_000);
  await own.stop();
  await page.reload();
  await ready(page);
  const offline = await page.locator("html").getAttribute("data-ready");
  written("start.json", {
    first_start_ms: Number(started), offline_start_ms: Number(offline), first_load_gzip_bytes: size(asked),
    all_kept_gzip_bytes: whole,
  });
  expect(Number(started)).toBeLessThan(Number(process.env.WEB_MOST_START ?? Infinity));
  await photo(page, `${GOLDEN}/portrait.png`);
  expect(await said(page)).toBe("one_face");
  await page.click("#check");
  await page.click("#check-run");
  await page.waitForSelector("#check-share:not([hidden])", { timeout: PATIENCE });
  expect(await page.locator("#check-result .verdict").textContent()).toMatch("computes what Python computed");
  await page.click("#check-close");
  // A network that was never fetched cannot come now, and that is said.
  const names = await page.locator("#network option").allTextContents();
  await page.selectOption("#network", { index: names.findIndex((name) => name.includes("ONNX")) });
  await says(page, "not_here");
  await context.close();
});

function compressed(path: string): number {
  try {
    return gzipSync(readFileSync(`${DIST}${path}`)).length;
  } catch {
    return 0;
  }
}

describe("camera", () => {
  test("a face is followed live, and the photo that is taken is analysed", async () => {
    const page = await again(PHONE);
    await page.click("#camera");
    await says(page, "one_face");
    // The rate of the last two seconds; what it must be is asked for where nothing else runs.
    await page.waitForFunction(() => Number(document.getElementById("time")!.dataset.pictures) >= 20, null, {
      timeout: PATIENCE,
    });
    const rate = Number(await page.locator("#time").getAttribute("data-rate"));
    written("live.json", { pictures_a_second: rate });
    expect(rate).toBeGreaterThan(Number(process.env.WEB_LEAST_RATE ?? 0));
    expect(await page.locator(".face").count()).toBe(1);
    await page.screenshot({ path: `${SCREENS}/camera-phone.png` });
    await page.click("#take");
    await says(page, "one_face");
    expect(await page.locator("#take").isHidden()).toBe(true);
    await page.click("#camera");
    await says(page, "one_face");
    await page.click("#stop");
    expect(await said(page)).toBe("start");
    expect(await violations(page)).toEqual([]);
    await page.close();
  });

  test.each([["NotAllowedError", "camera_denied"], ["NotFoundError", "camera_none"], ["NotReadableError", "camera_busy"]])(
    "%s is explained", async (error, word) => {
      const page = await again();
      await page.evaluate((name) => {
        navigator.mediaDevices.getUserMedia = () => Promise.reject(new DOMException("", name));
      }, error);
      await page.click("#camera");
      await says(page, word);
      expect(await page.locator("#choose").isVisible()).toBe(true);
      await page.close();
    });

  test("a camera that the browser denies is explained", async () => {
    const other = await browser();
    const page = await opened(await other.newPage(), `${host.address}/`);
    await page.click("#camera");
    await says(page, "camera_denied", "camera_none");
    await other.close();
  });
});

describe("every screen", () => {
  const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

  test.each([
    ["desktop", "light", "en"], ["desktop", "dark", "fr"], ["phone", "light", "fr"], ["phone", "dark", "en"],
  ] as const)("%s, %s, %s: no fault of contrast, names or structure", async (size, colorScheme, language) => {
    const page = await again(size === "phone" ? PHONE : DESKTOP);
    await page.emulateMedia({ colorScheme });
    if ((await page.evaluate(() => document.documentElement.lang)) !== language) await page.click("#language");
    const screen = async (name: string): Promise<void> => {
      await page.evaluate(axe);
      const faults = await page.evaluate(async () => {
        const { axe: tool } = globalThis as unknown as { axe: { run(): Promise<{ violations: Fault[] }> } };
        interface Fault { id: string; nodes: { html: string }[] }
        return (await tool.run()).violations.map((one) => `${one.id}: ${one.nodes.map((node) => node.html).join()}`);
      });
      expect(faults, name).toEqual([]);
      expect(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), name).toBe(true);
      await page.screenshot({ path: `${SCREENS}/${name}-${size}-${colorScheme}-${language}.png`, fullPage: true });
    };
    expect(await page.evaluate(() => document.documentElement.lang)).toBe(language);
    await screen("start");
    await photo(page, `${GOLDEN}/${size === "phone" ? "portrait" : "several"}.png`);
    await screen("photo");
    await photo(page, `${GOLDEN}/no-face.png`);
    await screen("no-face");
    await page.click("#camera");
    await says(page, "one_face");
    await screen("camera");
    await page.click("#stop");
    await page.evaluate(() => {
      navigator.mediaDevices.getUserMedia = () => Promise.reject(new DOMException("", "NotAllowedError"));
    });
    await page.click("#camera");
    await says(page, "camera_denied");
    await screen("denied");
    await page.click("#check");
    await screen("check");
    await page.evaluate(() => localStorage.clear());
    await page.close();
  });

  test("the language is the browser's, can be changed and is remembered", async () => {
    const [page, context] = await fresh({ locale: "fr-CA" });
    expect(await page.title()).toBe("Émotions du visage");
    await page.click("#language");
    expect(await page.title()).toBe("Facial emotions");
    await page.reload();
    await ready(page);
    expect(await page.title()).toBe("Facial emotions");
    expect(await page.evaluate(() => document.documentElement.lang)).toBe("en");
    await context.close();
  });
});

test("the page can be installed: manifest, icons of their sizes, a service worker", async () => {
  const manifest = JSON.parse(readFileSync(`${DIST}/manifest.webmanifest`, "utf8"));
  expect(manifest).toMatchObject({ display: "standalone", start_url: "./", scope: "./" });
  expect(manifest.name && manifest.short_name).toBeTruthy();
  for (const { src, sizes } of manifest.icons as { src: string; sizes: string }[]) {
    const png = readFileSync(`${DIST}/${src}`);
    expect(`${png.readUInt32BE(16)}x${png.readUInt32BE(20)}`).toBe(sizes);
  }
  expect((manifest.icons as { sizes: string }[]).map((icon) => icon.sizes)).toContain("512x512");
  const page = await again();
  expect(await page.locator("link[rel=manifest]").count()).toBe(1);
  expect(await page.evaluate(async () => (await navigator.serviceWorker.ready).active!.state)).toMatch(/activat/);
  const session = await page.context().newCDPSession(page);
  const { installabilityErrors } = (await session.send("Page.getInstallabilityErrors")) as {
    installabilityErrors: { errorId: string }[];
  };
  // A window without a profile on disk cannot install anything; that is not the page's fault.
  expect(installabilityErrors.map((one) => one.errorId).filter((id) => id !== "in-incognito")).toEqual([]);
  await page.close();
});

test("fer-export serve --page serves it", async () => {
  const python = process.env.FER_EXPORT_PYTHON ?? "python";
  const bundle = `${DIST}/bundles/${folders[0]}`;
  const server = spawn(
    python, ["-m", "fer_export", "serve", "--page", DIST, "--bundle", bundle, "--port", "0", "--processes", "1"],
    { stdio: ["ignore", "pipe", "pipe"] });
  try {
    const address = await new Promise<string>((resolve, reject) => {
      let said = "";
      const read = (part: Buffer): void => {
        said += part.toString();
        const found = /http:\/\/[\d.]+:\d+/.exec(said);
        if (found) resolve(found[0]);
      };
      server.stdout.on("data", read);
      server.stderr.on("data", read);
      server.on("exit", () => reject(new Error(said)));
    });
    // The address is named while the service still opens it.
    await expect.poll(() => fetch(`${address}/healthz`).then((answer) => answer.ok, () => false), { timeout: PATIENCE })
      .toBe(true);
    const [page, context] = await fresh({}, address);
    await photo(page, `${GOLDEN}/portrait.png`);
    expect(await said(page)).toBe("one_face");
    await kept(page);
    expect(await violations(page)).toEqual([]);
    await context.close();
  } finally {
    if (server.exitCode === null && server.kill()) await once(server, "exit");
  }
});

test("no file of the page names another host", () => {
  for (const name of readdirSync(`${DIST}/assets`).filter((one) => one.startsWith("index-"))) {
    const text = readFileSync(`${DIST}/assets/${name}`, "utf8");
    expect(text.match(/https?:\/\/(?!www\.w3\.org)[\w.-]+/g) ?? []).toEqual([]);
  }
});
