import { readFileSync } from "node:fs";
import type { Picture } from "../../src/core/picture.js";

/** What Python computed for made-up pictures; the file that the Java core is tested against too. */
export const vectors = JSON.parse(
  readFileSync(
    new URL("../../../android_demo/core/src/test/resources/vectors.json", import.meta.url), "utf8"),
) as any;

/** The picture that vectors.py calls by its size. */
export function picture(width: number, height: number): Picture {
  const data = new Uint8Array(width * height * 4);
  for (let y = 0, at = 0; y < height; y++) {
    for (let x = 0; x < width; x++, at += 4) {
      const red = x * x * 3 + y * 7 + x * y;
      data.set([red & 255, (red + 85) & 255, (red + 170) & 255, 255], at);
    }
  }
  return { width, height, data };
}
