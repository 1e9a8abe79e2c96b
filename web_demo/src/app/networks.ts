import { type Bundle, type ModelRuntime, type Variant } from "fer-export-web";
import type { Files } from "./files.js";

/** A network that can be chosen: a variant of one of the page's bundles. */
export interface Network {
  readonly bundle: Bundle;
  readonly folder: string;
  readonly variant: Variant;
  /** Median time of one face, in milliseconds, once it was measured. */
  latency: number | null;
}

/** Such as "compact-7, int8" or "compact-7, float32, ONNX". */
export function nameOf({ bundle, variant }: Network): string {
  const precision = variant.precision === "none" ? "float32" : variant.precision;
  return [bundle.manifest.model, precision, ...(variant.format === "onnx" ? ["ONNX"] : [])].join(", ");
}

/** All networks of some bundles whose contracts have the same detectors: int8 of each first. */
export function networksOf(bundles: readonly (readonly [folder: string, bundle: Bundle])[]): Network[] {
  const detectors = (bundle: Bundle): string => JSON.stringify([bundle.contract.detectors, bundle.contract.merge]);
  const [first] = bundles;
  const all = bundles
    .filter(([, bundle]) => first && detectors(bundle) === detectors(first[1]))
    .flatMap(([folder, bundle]) =>
      bundle.manifest.variants.map((variant): Network => ({ bundle, folder, variant, latency: null })),
    );
  const preferred = (network: Network): boolean => network.variant === network.bundle.manifest.preferred;
  return [...all.filter(preferred), ...all.filter((network) => !preferred(network))];
}

/** The runtime of .onnx files, loaded when the first of them is chosen. */
export class OnnxOnDemand {
  private loaded: Promise<ModelRuntime> | null = null;

  constructor(private readonly files: Files) {}

  get(): Promise<ModelRuntime> {
    this.loaded ??= this.load().catch((error: unknown) => {
      this.loaded = null;
      throw error;
    });
    return this.loaded;
  }

  private async load(): Promise<ModelRuntime> {
    const folder = "runtimes/onnxruntime/ort-wasm-simd-threaded";
    // The script, too, is read first, so that it is kept for the next time without a network.
    const [wasm] = await Promise.all([this.files.read(`${folder}.wasm`), this.files.read(`${folder}.mjs`)]);
    const { onnxRuntime } = await import("fer-export-web/onnxruntime");
    return onnxRuntime({ script: new URL(`${folder}.mjs`, document.baseURI).href, wasm });
  }
}
