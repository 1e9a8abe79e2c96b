import { areaAverage } from "./areaAverage.js";
import { type Box, Square } from "./box.js";
import type { Contract, CropRule } from "./contract.js";
import type { Picture } from "./picture.js";

/** Largest coordinate, either way, that a box is taken to have, in pixels. */
export const REACH = 100_000;

/**
 * The square of a box in a photo of width x height pixels.
 *
 * Coordinates are clamped to +-{@link REACH}; s is the box's longer side, at least 1; the side is s * scale / 1000,
 * rounded, at least 1 and at most the picture's shorter side; its centre is the box's, moved by the floor of s * shift
 * / 1000; it starts at the floor of centre - side / 2 and is then shifted to lie inside the picture.
 */
export function square(box: Box, width: number, height: number, rule: CropRule): Square {
  const [left, top, right, bottom] = box.edges.map((edge) => Math.min(Math.max(edge, -REACH), REACH)) as Edges;
  const longer = Math.max(1, right - left, bottom - top);
  const wanted = Math.max(1, Math.floor((longer * rule.scale + 500) / 1000));
  const side = Math.min(wanted, width, height);
  const startX = start(left + right, longer * rule.shiftX, side);
  const startY = start(top + bottom, longer * rule.shiftY, side);
  return new Square(
    Math.min(Math.max(startX, 0), width - side),
    Math.min(Math.max(startY, 0), height - side),
    side,
  );
}

/** The square's pixels as the network's input: size * size grey levels from 0 to 255, row by row. */
export function face(photo: Picture, cut: Square, contract: Contract): Uint8Array {
  const { red, green, blue, shift } = contract.grey;
  const half = 1 << (shift - 1);
  const pixels = photo.data;
  const read = (row: number, values: Int32Array): void => {
    let at = ((cut.top + row) * photo.width + cut.left) * 4;
    for (let column = 0; column < cut.side; column++, at += 4) {
      values[column] = (red * pixels[at]! + green * pixels[at + 1]! + blue * pixels[at + 2]! + half) >> shift;
    }
  };
  return areaAverage(read, cut.side, cut.side, 1, contract.size, contract.size);
}

type Edges = [number, number, number, number];

/** The floor of centre - side / 2; `twice` is twice the box's centre, `moved` its shift in thousandths. */
function start(twice: number, moved: number, side: number): number {
  return Math.floor((twice + 2 * Math.floor(moved / 1000) - side) / 2);
}
