/** Pixels that a photo is analysed at: what every phone's canvas holds. */
const LARGEST = 16_000_000;

/** A file that the browser cannot decode. */
export class PhotoError extends Error {}

/** The upright photo on a canvas of its own, alpha on white; one of more than 16 megapixels is made smaller. */
export async function readPhoto(file: Blob): Promise<HTMLCanvasElement> {
  let bitmap: ImageBitmap;
  try {
    // Bytes as they are in the file: colour profiles are not applied, as in Python.
    bitmap = await createImageBitmap(file, { imageOrientation: "from-image", colorSpaceConversion: "none" });
  } catch {
    throw new PhotoError();
  }
  try {
    const scale = Math.min(1, Math.sqrt(LARGEST / (bitmap.width * bitmap.height)));
    const size = (side: number): number => Math.max(1, Math.floor(side * scale));
    return drawn(bitmap, size(bitmap.width), size(bitmap.height));
  } finally {
    bitmap.close();
  }
}

/** A picture drawn on a new canvas. */
export function drawn(source: CanvasImageSource, width: number, height: number): HTMLCanvasElement {
  const canvas = document.createElement("canvas");
  canvas.width = width;
  canvas.height = height;
  const context = canvas.getContext("2d", { willReadFrequently: true, alpha: false })!;
  context.fillStyle = "#fff";
  context.fillRect(0, 0, width, height);
  context.imageSmoothingQuality = "high";
  context.drawImage(source, 0, 0, width, height);
  return canvas;
}

/** The pixels of a canvas. */
export function pixels(canvas: HTMLCanvasElement): ImageData {
  return canvas.getContext("2d", { willReadFrequently: true })!.getImageData(0, 0, canvas.width, canvas.height);
}
