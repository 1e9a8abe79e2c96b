/** A module with one instruction of relaxed SIMD (i8x16.relaxed_swizzle). */
const RELAXED = [
  0, 97, 115, 109, 1, 0, 0, 0, 1, 5, 1, 96, 0, 1, 123, 3, 2, 1, 0, 10, 15, 1, 13, 0, 65, 1, 253, 15, 65, 2, 253, 15,
  253, 128, 2, 11,
];

/** The name of LiteRT.js' build for this browser: of both, only one is ever fetched. */
export function liteRtBuild(): string {
  return WebAssembly.validate(Uint8Array.from(RELAXED)) ? "litert_wasm_internal" : "litert_wasm_compat_internal";
}
