import {
  Bundle, type Device, passed, Pipeline, selfCheck, type SelfCheckReport, sha256, sha256OfPicture,
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
  check(runtime: "litert" | "onnxruntime", timed: number): Promise<SelfCheckReport & { passed: boolean }>;
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
  async check(kind, timed) {
    const decode = async (png: Uint8Array): Promise<ImageData> =>
      pixels(await readPhoto(new Blob([new Uint8Array(png)])));
    const file = "runtimes/onnxruntime/ort-wasm-simd-threaded";
    const onnx = async () => onnxRuntime({ script: address(`${file}.mjs`), wasm: await fetched(`${file}.wasm`) });
    // The detectors are .tflite files whatever runs the networks.
    const runtime = kind === "litert" ? litert : { ...(await onnx()), faces: litert.faces };
    const report = await selfCheck(bundle, { runtime, device, decode, timed });
    return { ...report, passed: passed(report) };
  },
};

Object.assign(globalThis, { harness });
