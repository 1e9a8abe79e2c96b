/** The input of an average: fills in one row of columns * channels values from 0 to 255. */
export type ReadRow = (row: number, values: Int32Array) => void;

/**
 * Area average of bytes to any larger or smaller size, [height, width, channels], in exact integer arithmetic.
 *
 * Output pixel i of n covers [i * length / n, (i + 1) * length / n) of the input; every input pixel counts by the area
 * covered, and a half is rounded up.
 */
export function areaAverage(
  read: ReadRow,
  columns: number,
  rows: number,
  channels: number,
  width: number,
  height: number,
): Uint8Array {
  const across = spans(columns, width);
  const down = spans(rows, height);
  const values = new Int32Array(columns * channels);
  const sums = new Int32Array(width * channels);
  // Below 2^53, where a number is exact: 255 * columns * rows.
  const band = new Float64Array(sums.length);
  const result = new Uint8Array(height * sums.length);
  const total = columns * rows;
  let summed = -1;
  for (let part = 0; part < height; part++) {
    band.fill(0);
    for (let row = down.first[part]!; row <= down.last[part]!; row++) {
      // Two output rows may ask for the same input row in turn.
      if (row !== summed) {
        read(row, values);
        sumRow(values, across, channels, sums);
        summed = row;
      }
      const share = row === down.first[part] ? down.head[part]! : row === down.last[part] ? down.tail[part]! : height;
      for (let at = 0; at < band.length; at++) band[at]! += share * sums[at]!;
    }
    const start = part * band.length;
    for (let at = 0; at < band.length; at++) {
      result[start + at] = Math.floor((2 * band[at]! + total) / (2 * total));
    }
  }
  return result;
}

/** Adds one input row up for every output column; a sum is at most 255 * columns. */
function sumRow(values: Int32Array, across: Spans, channels: number, sums: Int32Array): void {
  const { first, last, head, tail, parts } = across;
  for (let part = 0; part < parts; part++) {
    const start = first[part]! * channels;
    const end = last[part]! * channels;
    for (let channel = 0; channel < channels; channel++) {
      let sum = head[part]! * values[start + channel]!;
      if (end !== start) {
        let inner = 0;
        for (let at = start + channels + channel; at < end; at += channels) inner += values[at]!;
        sum += parts * inner + tail[part]! * values[end + channel]!;
      }
      sums[part * channels + channel] = sum;
    }
  }
}

/** The first and last input pixel under every output pixel, and how much of each counts, in 1/parts pixels. */
interface Spans {
  readonly parts: number;
  readonly first: Int32Array;
  readonly last: Int32Array;
  readonly head: Int32Array;
  readonly tail: Int32Array;
}

function spans(length: number, parts: number): Spans {
  const [first, last, head, tail] = [0, 0, 0, 0].map(() => new Int32Array(parts)) as [
    Int32Array,
    Int32Array,
    Int32Array,
    Int32Array,
  ];
  for (let part = 0; part < parts; part++) {
    const start = part * length;
    const end = start + length;
    first[part] = Math.floor(start / parts);
    last[part] = Math.floor((end - 1) / parts);
    head[part] = Math.min((first[part]! + 1) * parts, end) - start;
    tail[part] = end - last[part]! * parts;
  }
  return { parts, first, last, head, tail };
}
