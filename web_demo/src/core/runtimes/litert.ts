import { type CompiledModel, loadAndCompile, loadLiteRt, Tensor } from "@litertjs/core";
import type { EmotionModel, FaceModel, ModelRuntime } from "../runtime.js";

/** The version of `@litertjs/core` that this package was checked with. */
const VERSION = "2.5.3";

/**
 * LiteRT.js, for .tflite files, on one thread of the processor.
 *
 * @param wasm address of the folder with the package's `wasm` files, or of one of its scripts
 */
export async function liteRt(wasm: string): Promise<ModelRuntime> {
  // What the runtime writes as it starts is no error, whatever stream it chooses; failures are thrown.
  const options = { printErr: (line: string) => console.debug(line) };
  const build = wasm.endsWith(".js") ? compiledAhead(`${wasm.slice(0, -".js".length)}.wasm`) : null;
  Object.assign(globalThis, { Module: build ? { ...options, instantiateWasm: build.instantiate } : options });
  await Promise.all([loadLiteRt(wasm), build?.module]);
  return {
    name: `litert.js ${VERSION}`,
    kernels: "litert-xnnpack",
    threads: 1,
    runs: (format) => format === "tflite",
    faces: async (file): Promise<FaceModel> => {
      const model = await compiled(file);
      return {
        run: (image, size) => run(model, new Tensor(new Float32Array(image), [1, size, size, 3])),
        close: () => model.delete(),
      };
    },
    emotions: async (file, size): Promise<EmotionModel> => {
      const model = await compiled(file);
      return {
        run: async (gray) => (await run(model, new Tensor(new Uint8Array(gray), [1, size, size, 1])))[0]!,
        close: () => model.delete(),
      };
    },
  };
}

/** Fetches and compiles a .wasm beside its script, which would otherwise begin with it only when it runs. */
function compiledAhead(address: string) {
  const module = fetch(address).then(async (response) => {
    if (!response.ok) throw new Error(`${address}: ${response.status}`);
    // A server that does not know the type of .wasm files keeps the browser from compiling while it is sent.
    return response.headers.get("Content-Type") === "application/wasm"
      ? WebAssembly.compileStreaming(response)
      : WebAssembly.compile(await response.arrayBuffer());
  });
  const instantiate = (imports: WebAssembly.Imports, done: (made: WebAssembly.Instance) => void): object => {
    // Where it fails, `module` is what rejects.
    void module.then((found) => WebAssembly.instantiate(found, imports)).then(done, () => {});
    return {};
  };
  return { module, instantiate };
}

function compiled(file: Uint8Array): Promise<CompiledModel> {
  return loadAndCompile(file, { accelerator: "wasm" });
}

/** The outputs, copied out of the runtime's memory; all its tensors are freed. */
async function run(model: CompiledModel, input: Tensor): Promise<Float32Array[]> {
  const outputs = await model.run(input).finally(() => input.delete());
  return outputs.map((output) => {
    const values = Float32Array.from(output.toTypedArray() as Float32Array);
    output.delete();
    return values;
  });
}
