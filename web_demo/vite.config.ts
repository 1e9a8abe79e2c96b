import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { defineConfig, type Plugin } from "vite";
import { VitePWA } from "vite-plugin-pwa";

const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

/** Files of the two runtimes, served as they are. */
const RUNTIMES = {
  litert: ["litert_wasm_internal", "litert_wasm_compat_internal"].flatMap((name) =>
    ["js", "wasm"].map((kind) => `@litertjs/core/wasm/${name}.${kind}`),
  ),
  onnxruntime: ["mjs", "wasm"].map((kind) => `onnxruntime-web/dist/ort-wasm-simd-threaded.${kind}`),
};

function runtimes(): Plugin {
  return {
    name: "runtimes",
    buildStart() {
      for (const [folder, files] of Object.entries(RUNTIMES)) {
        mkdirSync(here(`public/runtimes/${folder}`), { recursive: true });
        for (const file of files) {
          copyFileSync(here(`node_modules/${file}`), here(`public/runtimes/${folder}/${file.split("/").at(-1)}`));
        }
      }
    },
  };
}

/** The bundles that were put into public/bundles, the most accurate first, then the largest. */
function bundles(): Plugin {
  const id = "virtual:bundles";
  return {
    name: "bundles",
    resolveId: (name) => (name === id ? `\0${id}` : undefined),
    load(name) {
      return name === `\0${id}`
        ? `export default ${JSON.stringify(listed())}; export const needed = ${JSON.stringify(needed(listed()))};`
        : undefined;
    },
    // The same for tests and tools, which read it beside the page.
    generateBundle() {
      this.emitFile({ type: "asset", fileName: "networks.json", source: JSON.stringify(listed()) });
    },
  };
}

function listed(): string[] {
  const folder = here("public/bundles");
  const names = existsSync(folder) ? readdirSync(folder).filter((name) => !name.startsWith(".")) : [];
  if (!names.length) throw new Error("public/bundles is empty; run `fer-export bundle --web web_demo` first");
  const rank = (name: string): [number, number] => {
    const manifest = JSON.parse(readFileSync(`${folder}/${name}/manifest.json`, "utf8"));
    const first = manifest.variants.find((variant: { file: string }) => variant.file === manifest.default);
    return [first.accuracy?.value ?? 0, manifest.files[manifest.default].bytes];
  };
  const ranks = new Map(names.map((name) => [name, rank(name)]));
  const order = (one: string, other: string, at: 0 | 1): number => ranks.get(other)![at] - ranks.get(one)![at];
  return names.sort((one, other) => order(one, other, 0) || order(one, other, 1) || (one < other ? -1 : 1));
}

/** The files that the first picture needs: what describes the bundles, the first one's detectors and its network. */
function needed(names: string[]): string[] {
  const [first] = names;
  const folder = here(`public/bundles/${first}`);
  const detectors = readdirSync(`${folder}/detectors`).filter((name) => name.endsWith(".tflite"));
  const network: string = JSON.parse(readFileSync(`${folder}/manifest.json`, "utf8")).default;
  return [
    ...names.flatMap((name) => ["manifest.json", "contract.json"].map((file) => `bundles/${name}/${file}`)),
    ...[...detectors.map((name) => `detectors/${name}`), network].map((file) => `bundles/${first}/${file}`),
  ];
}

export default defineConfig({
  base: "./",
  resolve: {
    alias: {
      "fer-export-web/litert": here("src/core/runtimes/litert.ts"),
      "fer-export-web/onnxruntime": here("src/core/runtimes/onnxruntime.ts"),
      "fer-export-web": here("src/core/index.ts"),
    },
    // onnxruntime-web without a second copy of its .wasm inside the build.
    conditions: ["onnxruntime-web-use-extern-wasm", "module", "browser", "production"],
  },
  build: { target: "es2022", assetsInlineLimit: 0, modulePreload: { polyfill: false } },
  plugins: [
    runtimes(),
    bundles(),
    VitePWA({
      strategies: "injectManifest",
      srcDir: "src/app",
      filename: "sw.ts",
      injectRegister: false,
      manifest: {
        id: "./",
        name: "Facial emotions",
        short_name: "Emotions",
        description: "Faces and their expressions in photos and live pictures, without a server",
        start_url: "./",
        scope: "./",
        display: "standalone",
        background_color: "#fafafa",
        theme_color: "#00696e",
        icons: [
          { src: "icons/192.png", sizes: "192x192", type: "image/png" },
          { src: "icons/512.png", sizes: "512x512", type: "image/png" },
          { src: "icons/512.png", sizes: "512x512", type: "image/png", purpose: "maskable" },
        ],
      },
      injectManifest: {
        // What the page and its self-check need without a network; the rest is kept once it was asked for.
        globPatterns: [
          "index.html", "assets/*.{js,css}", "icons/*", "runtimes/litert/*", "bundles/*/*.json",
          "bundles/*/models/*-int8.tflite", `bundles/${listed()[0]}/{detectors,golden}/*`,
        ],
        maximumFileSizeToCacheInBytes: 12_000_000,
      },
    }),
  ],
});
