import { sha256 as digest } from "@noble/hashes/sha2.js";
import { bytesToHex } from "@noble/hashes/utils.js";
import type { Picture } from "./picture.js";

/** The part of Web Cryptography that is used here; this package has no types of browsers. */
interface Subtle {
  digest(algorithm: string, data: Uint8Array): Promise<ArrayBuffer>;
}

/** SHA-256 in hexadecimal of a file: the browser's own, beside the page, where it has one; pages over http lack it. */
export async function sha256OfFile(content: Uint8Array): Promise<string> {
  const { subtle } = (globalThis as { crypto?: { subtle?: Subtle } }).crypto ?? {};
  // A copy, as memory that is shared with workers is refused.
  return subtle ? bytesToHex(new Uint8Array(await subtle.digest("SHA-256", content.slice()))) : sha256(content);
}

/** SHA-256 in hexadecimal. */
export function sha256(content: Uint8Array): string {
  return bytesToHex(digest(content));
}

/** The hash of a picture's red, green and blue bytes, row by row. */
export function sha256OfPicture(picture: Picture): string {
  const { data } = picture;
  const bytes = new Uint8Array(picture.width * picture.height * 3);
  for (let at = 0, from = 0; at < bytes.length; at += 3, from += 4) {
    bytes[at] = data[from]!;
    bytes[at + 1] = data[from + 1]!;
    bytes[at + 2] = data[from + 2]!;
  }
  return sha256(bytes);
}

const DIGITS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/** The bytes of a padded base64 text (RFC 4648), or null for any other text. */
export function base64(text: string): Uint8Array | null {
  if (text.length % 4 !== 0 || !/^[A-Za-z0-9+/]*={0,2}$/.test(text)) return null;
  const padding = text.endsWith("==") ? 2 : text.endsWith("=") ? 1 : 0;
  const result = new Uint8Array((text.length / 4) * 3 - padding);
  for (let at = 0, to = 0; at < text.length; at += 4) {
    let bits = 0;
    for (let digit = at; digit < at + 4; digit++) bits = (bits << 6) | Math.max(0, DIGITS.indexOf(text[digit]!));
    for (let octet = 16; octet >= 0 && to < result.length; octet -= 8) result[to++] = (bits >> octet) & 255;
  }
  return result;
}
