import { env, InferenceSession, Tensor } from "onnxruntime-web/wasm";
import type { EmotionModel, ModelRuntime } from "../runtime.js";

/** Where its files come from: the address of `ort-wasm-simd-threaded.mjs`, and the bytes of the .wasm beside it. */
export interface OnnxRuntimeFiles {
  readonly script: string;
  readonly wasm: Uint8Array;
}

/** onnxruntime-web, for the .onnx files of emotion networks, on one thread of the processor. */
export function onnxRuntime(files: OnnxRuntimeFiles): ModelRuntime {
  env.wasm.numThreads = 1;
  env.wasm.proxy = false;
  env.wasm.wasmPaths = { mjs: files.script };
  env.wasm.wasmBinary = files.wasm;
  return {
    name: `onnxruntime-web ${env.versions.web ?? ""}`.trim(),
    kernels: "onnxruntime",
    threads: 1,
    runs: (format) => format === "onnx",
    faces: () => Promise.reject(new Error("the detectors are .tflite files, which onnxruntime-web does not run")),
    emotions: async (file, size): Promise<EmotionModel> => {
      const session = await InferenceSession.create(file, { executionProviders: ["wasm"] });
      const [input, output] = [session.inputNames[0]!, session.outputNames[0]!];
      return {
        run: async (gray) => {
          const found = await session.run({ [input]: new Tensor("uint8", gray, [1, size, size, 1]) });
          return Float32Array.from(found[output]!.data as Float32Array);
        },
        close: () => void session.release(),
      };
    },
  };
}
