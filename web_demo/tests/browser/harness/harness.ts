import {
  Bundle, type Device, type ModelRuntime, passed, Pipeline, selfCheck, type SelfCheckReport, sha256, sha256OfPicture,
} from "fer-export-web";
import { liteRt } from "fer-export-web/litert";
import { onnxRuntime } from "fer-export-web/onnxruntime";
import { liteRtBuild } from "../../../src/app/relaxedSimd.js";
import { pixels, readPhoto } from "../../../src/app/photos.js";

/** What the tests ask of the core in a browser; the page itself opens no door to it. */
export interface Harness {
  /** Opens a bundle with LiteRT.js, which runs once in a page; compat: the build without relaxed SIMD. */
  open(folder: string, compat?: boolean): Promise<void>;
  analyse(photo: string): Promise<Analysed>;
  /** The largest and the mean difference of two pictures' bytes, and whether all are the same. */
  differs(photo: string, other: string): Promise<{ largest: number; mean: number }>;
  check(runtime: Kind, timed: number): Promise<SelfCheckReport & { passed: boolean }>;
  /** What a variant answers to every face of a file of size x size grey levels each, and how long it takes for one. */
  answer(runtime: Kind, variant: string, faces: string): Promise<Answered>;
  /** Median time of a photo through the whole pipeline, decoding apart, in milliseconds. */
  time(photo: string, runs: number): Promise<number>;
}

export type Kind = "litert" | "onnxruntime";

export interface Answered {
  runtime: string;
  probabilities: number[][];
  p50_ms: number;
}

export interface Analysed {
  pixels: string;
  milliseconds: number;
  faces: { box: number[]; gray: string; probabilities: number[] }[];
}

let bundle: Bundle;
let pipeline: Pipeline;
let litert: Awaited<ReturnType<typeof liteRt>>;
const address = (path: string): string => new URL(path, location.origin).href;
const fetched = async (path: string): Promise<Uint8Array> => {
  const response = await fetch(address(path));
  if (!response.ok) throw new Error(`${path}: ${response.status}`);
  return new Uint8Array(await response.arrayBuffer());
};
const photo = async (path: string): Promise<ImageData> =>
  pixels(await readPhoto(new Blob([new Uint8Array(await fetched(path))])));
const BLOCK = 10;
const median = (times: number[]): number => times.sort((one, other) => one - other)[Math.floor(times.length / 2)]!;

async function runtimeOf(kind: Kind): Promise<ModelRuntime> {
  if (kind === "litert") return litert;
  const file = "runtimes/onnxruntime/ort-wasm-simd-threaded";
  const onnx = onnxRuntime({ script: address(`${file}.mjs`), wasm: await fetched(`${file}.wasm`) });
  // The detectors are .tflite files whatever runs the networks.
  return { ...onnx, faces: litert.faces };
}

const device: Device = { model: "test", cpu: "", abi: "wasm32", os: navigator.userAgent };

const harness: Harness = {
  async open(folder, compat = false) {
    const build = compat ? "litert_wasm_compat_internal" : liteRtBuild();
    litert = await liteRt(address(`runtimes/litert/${build}.js`));
    bundle = await Bundle.open((path) => fetched(`${folder}/${path}`));
    pipeline = await Pipeline.load(bundle, litert);
  },
  async analyse(path) {
    const picture = await photo(path);
    const start = performance.now();
    const found = await pipeline.predict(picture);
    return {
      pixels: sha256OfPicture(picture),
      milliseconds: performance.now() - start,
      faces: found.map(({ face, gray, probabilities }) => ({
        box: face.box.edges, gray: sha256(gray), probabilities: [...probabilities],
      })),
    };
  },
  async differs(path, other) {
    const [one, two] = [(await photo(path)).data, (await photo(other)).data];
    if (one.length !== two.length) throw new Error(`${path} and ${other} are not of one size`);
    let [largest, sum] = [0, 0];
    one.forEach((value, at) => {
      const difference = Math.abs(value - two[at]!);
      largest = Math.max(largest, difference);
      sum += difference;
    });
    return { largest, mean: sum / ((one.length / 4) * 3) };
  },
  async answer(kind, file, path) {
    const runtime = await runtimeOf(kind);
    const side = bundle.contract.size;
    const bytes = await fetched(path);
    const faces = Array.from({ length: bytes.length / side ** 2 }, (_, at) =>
      bytes.slice(at * side ** 2, (at + 1) * side ** 2));
    const variant = bundle.manifest.variants.find((one) => one.file === file)!;
    const model = await runtime.emotions(await bundle.model(variant), side);
    const probabilities: number[][] = [];
    for (const face of faces) probabilities.push([...(await model.run(face))]);
    // The clock of a page is coarse: times of ten faces at a time.
    const blocks: number[] = [];
    for (let at = 0; at + BLOCK <= faces.length; at += BLOCK) {
      const start = performance.now();
      for (const face of faces.slice(at, at + BLOCK)) await model.run(face);
      blocks.push((performance.now() - start) / BLOCK);
    }
    model.close();
    return { runtime: runtime.name, probabilities, p50_ms: median(blocks) };
  },
  async time(path, runs) {
    const picture = await photo(path);
    const times: number[] = [];
    for (let run = 0; run < runs; run++) {
      const start = performance.now();
      await pipeline.predict(picture);
      times.push(performance.now() - start);
    }
    return median(times);
  },
  async check(kind, timed) {
    const decode = async (png: Uint8Array): Promise<ImageData> =>
      pixels(await readPhoto(new Blob([new Uint8Array(png)])));
    const report = await selfCheck(bundle, { runtime: await runtimeOf(kind), device, decode, timed });
    return { ...report, passed: passed(report) };
  },
};

Object.assign(globalThis, { harness });
