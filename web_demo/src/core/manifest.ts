import { BundleError } from "./errors.js";
import { Fields, isObject, parsed } from "./fields.js";
import { sha256, sha256OfFile } from "./hash.js";
import { textOf, utf8 } from "./text.js";

const NAME = "manifest.json";
const PATH = /^[A-Za-z0-9_][\w.-]*(\/[A-Za-z0-9_][\w.-]*)*$/;
const NO_DIGEST = "0".repeat(64);

/** One exported file. */
export interface Variant {
  /** Its place in the bundle, such as `models/compact-7-int8.tflite`. */
  readonly file: string;
  /** `tflite` or `onnx`. */
  readonly format: string;
  /** `none` (float32), `fp16`, `dynamic` or `int8`. */
  readonly precision: string;
  /** Share of labelled faces that it names rightly; null where none was measured. */
  readonly accuracy: number | null;
}

/** What a bundle holds, read from its `manifest.json`: the variants, and size and hash of every file. */
export class Manifest {
  private constructor(
    /** Name of the trained network. */
    readonly model: string,
    /** The variants, in the order in which an app should offer them. */
    readonly variants: readonly Variant[],
    /** The variant that an app should take first. */
    readonly preferred: Variant,
    /** The manifest's own hash, which stands for the whole bundle. */
    readonly digest: string,
    private readonly entries: ReadonlyMap<string, { sha256: string; bytes: number }>,
  ) {}

  /** Reads the file's bytes; throws a {@link BundleError} for a newer version, a misfit field or a changed byte. */
  static read(content: Uint8Array): Manifest {
    const json = textOf(content);
    const fields = Fields.document(
      parsed(json, NAME), NAME, "fer-export bundle", 1,
      "model", "default", "variants", "checkpoint", "calibration", "versions", "files", "digest",
    );
    const digest = fields.text("digest");
    // The digest is that of the file with zeros in its own place.
    if (digest.length !== NO_DIGEST.length || sha256(utf8(json.replace(digest, NO_DIGEST))) !== digest) {
      throw BundleError.broken(`${NAME} was changed: its digest is not the one it gives`);
    }
    const entries = new Map(Object.entries(fields.object("files")).map(([name, one]) => [name, entry(name, one)]));
    const variants = fields.list("variants").map(variant);
    const preferred = variants.find((one) => one.file === fields.text("default"));
    if (!preferred) throw BundleError.broken(`${NAME} lists no variant ${fields.text("default")}`);
    return new Manifest(fields.text("model"), variants, preferred, digest, entries);
  }

  /** Every file of the bundle but the manifest itself. */
  get files(): string[] {
    return [...this.entries.keys()];
  }

  /** Size of a file, in bytes. */
  bytes(file: string): number {
    return this.entries.get(file)?.bytes ?? 0;
  }

  /** Checks a file's bytes against the list. */
  async check(file: string, content: Uint8Array): Promise<void> {
    const listed = this.listed(file);
    if (listed.bytes !== content.length || listed.sha256 !== (await sha256OfFile(content))) {
      throw BundleError.broken(`${file} is not the manifest's file`);
    }
  }

  /** The SHA-256 that the list has for a file. */
  sha256(file: string): string {
    return this.listed(file).sha256;
  }

  private listed(file: string): { sha256: string; bytes: number } {
    const listed = this.entries.get(file);
    if (!listed) throw BundleError.broken(`${NAME} lists no ${file}`);
    return listed;
  }
}

function entry(name: string, document: unknown): { sha256: string; bytes: number } {
  if (!PATH.test(name)) {
    throw BundleError.broken(`${NAME} names the file ${name.slice(0, 60)}, which is not a place inside a bundle`);
  }
  const fields = Fields.of(document, `${name} in ${NAME}`, "sha256", "bytes");
  return { sha256: fields.text("sha256"), bytes: fields.whole("bytes", 0) };
}

function variant(document: unknown): Variant {
  const names = ["file", "format", "precision", "input_kind", "accuracy", "agreement"];
  const fields = Fields.of(document, `variants of ${NAME}`, ...names);
  const file = fields.text("file");
  const kind = fields.text("input_kind");
  if (kind !== "gray") throw BundleError.broken(`${file} takes ${kind} and this app gives gray`);
  const measured = fields.any("accuracy");
  const accuracy = isObject(measured) && typeof measured.value === "number" ? measured.value : null;
  return { file, format: fields.text("format"), precision: fields.text("precision"), accuracy };
}
