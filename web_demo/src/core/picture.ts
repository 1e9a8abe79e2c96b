/** An upright photo. */
export interface Picture {
  /** Pixels across, at least 1. */
  readonly width: number;
  /** Pixels down, at least 1. */
  readonly height: number;
  /** Red, green, blue and alpha, row by row; the alpha is not looked at. The data of a canvas' ImageData fits. */
  readonly data: Uint8Array | Uint8ClampedArray;
}
