import { Box, type Face, Square } from "./box.js";
import type { Contract } from "./contract.js";
import { BundleError } from "./errors.js";
import { Fields, parsed } from "./fields.js";
import { base64, sha256 } from "./hash.js";
import type { Variant } from "./manifest.js";

const NAME = "golden.json";

/** One box of a photo, its square and the network's input cut from there. */
export interface Cut {
  readonly box: Box;
  readonly square: Square;
  /** size * size grey levels. */
  readonly gray: Uint8Array;
}

/** A photo and what comes out of it. */
export interface GoldenPhoto {
  /** A PNG file of the bundle. */
  readonly file: string;
  readonly width: number;
  readonly height: number;
  /** Hash of the red, green and blue bytes, row by row. */
  readonly sha256: string;
  /** What the detectors find. */
  readonly faces: readonly Face[];
  /** Boxes, found and hand-made, with their crops. */
  readonly crops: readonly Cut[];
}

/** What one variant answers on one kernel set. */
export interface Answers {
  /** The variant's place in the bundle. */
  readonly file: string;
  readonly kernels: string;
  /** Largest difference of any probability on the same kernel set. */
  readonly tolerance: number;
  /** Largest difference of any probability on other kernel sets. */
  readonly elsewhere: number;
  /** One row of probabilities for every vector. */
  readonly probabilities: readonly Float32Array[];
}

/** The golden vectors of a bundle: photos, what is found in them, and what every variant must answer. */
export class Golden {
  private constructor(
    readonly photos: readonly GoldenPhoto[],
    /** One entry for every variant and kernel set that was recorded. */
    readonly answers: readonly Answers[],
    /** The network's inputs, in the order of photos and then of crops. */
    readonly vectors: readonly Uint8Array[],
  ) {}

  /** Reads the document; throws a {@link BundleError} for a newer version or a misfit field. */
  static read(json: string, contract: Contract): Golden {
    const names = ["photos", "vectors", "variants"];
    const fields = Fields.document(parsed(json, NAME), NAME, "fer-export golden vectors", 1, ...names);
    const photos = fields.list("photos").map((one) => photo(one, contract.size));
    const vectors = photos.flatMap((one) => one.crops.map((cut) => cut.gray));
    if (!vectors.length || vectors.length !== fields.whole("vectors")) {
      throw BundleError.broken(`${NAME} has ${vectors.length} crops, and says ${String(fields.any("vectors"))}`);
    }
    const answered = fields.list("variants").map((one) => answers(one, contract.labels.length));
    const short = answered.find((one) => one.probabilities.length !== vectors.length);
    if (short) throw BundleError.broken(`${short.file} in ${NAME} has not one answer a vector`);
    return new Golden(photos, answered, vectors);
  }

  /** What a variant must answer on these kernels: the answers recorded on them, else those on others, else null. */
  of(variant: Variant, kernels: string): Answers | null {
    const recorded = this.answers.filter((one) => one.file === variant.file);
    return recorded.find((one) => one.kernels === kernels) ?? recorded[0] ?? null;
  }
}

function photo(document: unknown, size: number): GoldenPhoto {
  const fields = Fields.of(document, `photos of ${NAME}`, "file", "width", "height", "sha256", "faces", "crops");
  const file = fields.text("file");
  return {
    file,
    width: fields.whole("width", 1),
    height: fields.whole("height", 1),
    sha256: fields.text("sha256"),
    faces: fields.list("faces").map((face) => {
      const one = Fields.of(face, `faces of ${file}`, "box", "score", "detector");
      return { box: box(one), score: one.number("score"), detector: one.text("detector") };
    }),
    crops: fields.list("crops").map((one) => cut(one, file, size)),
  };
}

function cut(document: unknown, file: string, size: number): Cut {
  const fields = Fields.of(document, `crops of ${file}`, "box", "square", "gray", "sha256");
  const [left, top, side] = fields.wholes("square", 3) as [number, number, number];
  const gray = base64(fields.text("gray"));
  if (gray?.length !== size * size || sha256(gray) !== fields.text("sha256")) {
    throw BundleError.broken(`gray of ${file} in ${NAME} is not ${size} x ${size} bytes of its hash`);
  }
  return { box: box(fields), square: new Square(left, top, side), gray };
}

function answers(document: unknown, labels: number): Answers {
  const names = ["file", "kernels", "runtime", "tolerance", "elsewhere", "probabilities"];
  const fields = Fields.of(document, `variants of ${NAME}`, ...names);
  const [tolerance, elsewhere] = [fields.number("tolerance"), fields.number("elsewhere")];
  if (!(tolerance > 0 && tolerance <= elsewhere && elsewhere < 1)) {
    throw BundleError.broken(`tolerance and elsewhere of ${fields.text("file")} in ${NAME} are not limits`);
  }
  const probabilities = fields.table("probabilities", labels);
  return { file: fields.text("file"), kernels: fields.text("kernels"), tolerance, elsewhere, probabilities };
}

function box(fields: Fields): Box {
  return new Box(...(fields.wholes("box", 4) as [number, number, number, number]));
}
