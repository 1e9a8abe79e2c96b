import { mkdirSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { type Browser, type BrowserContext, chromium, type Page } from "playwright-core";

export const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

/** Folders of the tests: the built page, the built harness, and the photos that pictures.py wrote. */
export const DIST = here("../../dist");
export const HARNESS = here("../../test-results/harness");
export const PICTURES = process.env.WEB_PICTURES ?? here("../../test-results/pictures");
export const SCREENS = here("../../test-results/screens");

/** Milliseconds after which a wait has failed: so many that no busy machine takes them. */
export const PATIENCE = 600_000;

const executablePath = process.env.CHROMIUM ?? "/usr/bin/chromium";

/** A headless Chromium: Debian's, or the one that CHROMIUM names; camera: a file of pictures that stand for one. */
export function browser(camera?: string): Promise<Browser> {
  const fake = ["--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"];
  return chromium.launch({
    executablePath,
    args: ["--no-sandbox", ...(camera ? [...fake, `--use-file-for-fake-video-capture=${camera}`] : [])],
  });
}

/** A browser as people have it, which keeps on disk what it was sent; other contexts keep little, as private windows do. */
export function onDisk(folder: string): Promise<BrowserContext> {
  return chromium.launchPersistentContext(folder, { executablePath, args: ["--no-sandbox"] });
}

/** Opens the page and waits until it can be used; the violations of its policy are gathered in `violations`. */
export async function opened(page: Page, address: string): Promise<Page> {
  await page.addInitScript(() => {
    const found: string[] = [];
    Object.assign(globalThis, { violations: found });
    document.addEventListener("securitypolicyviolation", (event) =>
      found.push(`${event.effectiveDirective} ${event.blockedURI}`),
    );
  });
  await page.goto(address);
  await ready(page);
  return page;
}

export async function ready(page: Page): Promise<void> {
  await page.waitForSelector("html[data-ready], #status[data-said=broken]", { state: "attached", timeout: PATIENCE });
}

/** Writes what was measured beside the screenshots, and prints it. */
export function written(name: string, found: unknown): void {
  mkdirSync(here("../../test-results"), { recursive: true });
  writeFileSync(here(`../../test-results/${name}`), JSON.stringify(found, null, 2));
  console.log(name, found);
}

/** What stands in the status line: the name of the text. */
export function said(page: Page): Promise<string> {
  return page.locator("#status").getAttribute("data-said").then((word) => word ?? "");
}

/** Waits for one of some texts in the status line. */
export async function says(page: Page, ...words: string[]): Promise<void> {
  const chosen = words.map((word) => `#status[data-said=${word}]`).join(", ");
  await page.waitForSelector(chosen, { state: "attached", timeout: PATIENCE });
}
