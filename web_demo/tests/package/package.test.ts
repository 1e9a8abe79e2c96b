import { execFileSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { build } from "vite";
import folders from "../browser/folders.js";
import { StaticHost } from "../browser/server.js";
import { browser, DIST, here, PATIENCE } from "../browser/setting.js";

let work = "";

beforeAll(() => {
  work = mkdtempSync(join(tmpdir(), "fer-export-web-"));
});

afterAll(() => rmSync(work, { recursive: true, force: true }));

test("the lines of the package's README, with the packed package, find the portrait's face", async () => {
  const core = here("../../src/core");
  execFileSync("npm", ["run", "-s", "build"], { cwd: core });
  const [packed] = JSON.parse(
    execFileSync("npm", ["pack", "--json", "--pack-destination", work], { cwd: core, encoding: "utf8" }),
  ) as { filename: string; files: { path: string }[] }[];
  expect(packed!.files.some((file) => file.path === "dist/index.d.ts")).toBe(true);
  // What `npm install` makes of it, without asking for anything: the package unpacked, its dependencies beside it.
  execFileSync("tar", ["-xzf", packed!.filename], { cwd: work });
  mkdirSync(join(work, "node_modules"));
  cpSync(join(work, "package"), join(work, "node_modules/fer-export-web"), { recursive: true });
  for (const name of ["@litertjs", "@noble"]) symlinkSync(here(`../../node_modules/${name}`), join(work, "node_modules", name));
  const lines = /```ts\n([\s\S]*?)```/.exec(readFileSync(`${core}/README.md`, "utf8"))![1]!;
  writeFileSync(join(work, "snippet.ts"), lines);
  writeFileSync(join(work, "index.html"), '<canvas></canvas><script type="module" src="./start.ts"></script>');
  writeFileSync(join(work, "start.ts"), `
    const image = new Image();
    image.src = "bundle/golden/portrait.png";
    await image.decode();
    const canvas = document.querySelector("canvas")!;
    [canvas.width, canvas.height] = [image.width, image.height];
    canvas.getContext("2d")!.drawImage(image, 0, 0);
    await import("./snippet.ts");
    console.log("done");
  `);
  writeFileSync(join(work, "tsconfig.json"), JSON.stringify({
    compilerOptions: {
      target: "ES2022", module: "ESNext", moduleResolution: "Bundler", lib: ["ES2022", "DOM"], strict: true,
      noEmit: true, skipLibCheck: true, types: [],
    },
    files: ["snippet.ts"],
  }));
  execFileSync(here("../../node_modules/.bin/tsc"), ["-p", work]);
  await build({ root: work, base: "./", logLevel: "error", configFile: false, build: { target: "es2022" } });
  cpSync(`${DIST}/bundles/${folders[0]}`, join(work, "dist/bundle"), { recursive: true });
  cpSync(`${DIST}/runtimes/litert`, join(work, "dist/wasm"), { recursive: true });
  const host = await StaticHost.start(join(work, "dist"));
  const chromium = await browser();
  try {
    const page = await chromium.newPage();
    const said: string[] = [];
    page.on("console", (message) => message.type() === "log" && said.push(message.text()));
    page.on("pageerror", (error) => said.push(error.message));
    await page.goto(`${host.address}/index.html`);
    await expect.poll(() => said.at(-1), { timeout: PATIENCE }).toBe("done");
    const golden = JSON.parse(readFileSync(`${DIST}/bundles/${folders[0]}/golden/golden.json`, "utf8")) as {
      photos: { file: string; faces: { box: number[] }[] }[];
    };
    const [face] = golden.photos.find((photo) => photo.file === "golden/portrait.png")!.faces;
    expect(said[0]).toContain(`[${face!.box.join(", ")}]`);
    expect(said).toHaveLength(2);
  } finally {
    await chromium.close();
    await host.stop();
  }
});
