import { areaAverage } from "./areaAverage.js";
import type { Picture } from "./picture.js";

/** Bytes / 127.5 - 1 in float32, as a detector takes them. */
const LEVELS = Float32Array.from({ length: 256 }, (_, byte) => Math.fround(Math.fround(byte / 127.5) - 1));

/**
 * A photo in the middle of a black square, of which a detector looks at windows.
 *
 * The longer side becomes the square's less `border` on either side, the other one keeps the shape, rounded, and is at
 * least 1. Up to `border` pixels on each side, and no more than the photo has, mirror the photo at its edge.
 */
export class Letterbox {
  readonly width: number;
  readonly height: number;
  readonly left: number;
  readonly top: number;

  constructor(
    private readonly photo: Picture,
    private readonly side: number,
    private readonly border = 0,
  ) {
    const longer = Math.max(photo.width, photo.height);
    const inner = side - 2 * border;
    const shrunk = (length: number): number => Math.max(1, Math.floor((2 * length * inner + longer) / (2 * longer)));
    this.width = shrunk(photo.width);
    this.height = shrunk(photo.height);
    this.left = Math.floor((side - this.width) / 2);
    this.top = Math.floor((side - this.height) / 2);
  }

  /** The square's bytes, [side, side, 3]. */
  bytes(): Uint8Array {
    const { width, height, side } = this;
    const small = areaAverage(this.read, this.photo.width, this.photo.height, 3, width, height);
    const across = Math.min(this.border, width);
    const down = Math.min(this.border, height);
    const result = new Uint8Array(side * side * 3);
    for (let row = -down; row < height + down; row++) {
      const from = mirrored(row, height) * width * 3;
      const to = ((this.top + row) * side + this.left) * 3;
      result.set(small.subarray(from, from + width * 3), to);
      for (let column = 0; column < across; column++) {
        copy(small, from + column * 3, result, to - (column + 1) * 3);
        copy(small, from + (width - 1 - column) * 3, result, to + (width + column) * 3);
      }
    }
    return result;
  }

  /** Every part of that size, in steps of half of it and row by row, which shows some of the photo. */
  windows(size: number): Window[] {
    const bytes = this.bytes();
    return this.places(size).map(([left, top]) => new Window(this, this.photo, this.side, bytes, size, left, top));
  }

  /** Left and top of each window. */
  places(size: number): [number, number][] {
    const steps = 2 * Math.floor(this.side / size) - 1;
    const starts = Array.from({ length: steps }, (_, step) => Math.floor((step * size) / 2));
    const shown = (first: number, length: number): number[] =>
      starts.filter((start) => start < first + length && first < start + size);
    const columns = shown(this.left, this.width);
    return shown(this.top, this.height).flatMap((top) => columns.map((left): [number, number] => [left, top]));
  }

  private readonly read = (row: number, values: Int32Array): void => {
    const { data, width } = this.photo;
    let from = row * width * 4;
    for (let at = 0; at < width * 3; at += 3, from += 4) {
      values[at] = data[from]!;
      values[at + 1] = data[from + 1]!;
      values[at + 2] = data[from + 2]!;
    }
  };
}

/** A part of the letterbox, as a detector takes it. */
export class Window {
  constructor(
    private readonly letterbox: Letterbox,
    private readonly photo: Picture,
    private readonly side: number,
    private readonly bytes: Uint8Array,
    private readonly size: number,
    private readonly fromLeft: number,
    private readonly fromTop: number,
  ) {}

  /** The detector's input, [size, size, 3] from -1 (black) to 1. */
  input(): Float32Array {
    const { size, bytes } = this;
    const result = new Float32Array(size * size * 3);
    for (let row = 0, at = 0; row < size; row++) {
      const from = ((this.fromTop + row) * this.side + this.fromLeft) * 3;
      for (let column = 0; column < size * 3; column++) result[at++] = LEVELS[bytes[from + column]!]!;
    }
    return result;
  }

  /** A horizontal position, 0 to 1 of the window, as a whole pixel of the photo. */
  x(position: number): number {
    const { left, width } = this.letterbox;
    return Math.floor(((position * this.size - (left - this.fromLeft)) / width) * this.photo.width + 0.5);
  }

  /** A vertical position, 0 to 1 of the window, as a whole pixel of the photo. */
  y(position: number): number {
    const { top, height } = this.letterbox;
    return Math.floor(((position * this.size - (top - this.fromTop)) / height) * this.photo.height + 0.5);
  }
}

/** A row of the mirrored photo as a row of the photo. */
function mirrored(row: number, height: number): number {
  return row < 0 ? -1 - row : row < height ? row : 2 * height - 1 - row;
}

function copy(source: Uint8Array, from: number, target: Uint8Array, to: number): void {
  for (let channel = 0; channel < 3; channel++) target[to + channel] = source[from + channel]!;
}
