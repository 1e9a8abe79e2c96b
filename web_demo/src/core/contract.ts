import { BundleError } from "./errors.js";
import { checkVersion, Fields, isObject, parsed } from "./fields.js";

export const FORMAT = "fer-export photo contract";
export const VERSION = 3;

/** Up to this version, a box of an earlier detector is kept whatever the scores. */
export const FIRST_COME = 2;

const MOST_MARGIN = 400;

/** The square around a face box, in thousandths of the box's longer side. */
export interface CropRule {
  /** Side of the square. */
  readonly scale: number;
  /** The square's centre from the box's, to the right. */
  readonly shiftX: number;
  /** The square's centre from the box's, down. */
  readonly shiftY: number;
}

/** grey = (red * R + green * G + blue * B + 2^(shift-1)) >> shift. */
export interface GreyRule {
  readonly red: number;
  readonly green: number;
  readonly blue: number;
  readonly shift: number;
}

/** cells x cells anchors of a detector, `anchors` at the centre of each cell, row by row. */
export interface Grid {
  readonly cells: number;
  readonly anchors: number;
}

/** A detector's file and how its tensors are read. */
export interface DetectorRule {
  /** Name of the file in the bundle's folder `detectors`. */
  readonly file: string;
  /** Hash of the file, in hexadecimal. */
  readonly sha256: string;
  /** Side of its square input, in pixels. */
  readonly size: number;
  /** The photo is shrunk into a square of so many times the size, looked at in steps of half the size. */
  readonly windows: number;
  /** Free on each side of that square, in thousandths of it; the photo is mirrored there. */
  readonly margin: number;
  /** Its anchors, in the order of its outputs. */
  readonly grids: readonly Grid[];
  /** Least score of a box, in thousandths. */
  readonly threshold: number;
  /** Intersection over union above which two boxes of a window are one face, in thousandths. */
  readonly overlap: number;
}

/** How the boxes of all detectors and windows become faces. */
export interface MergeRule {
  /** Intersection over union above which a box confirms a surer one, in thousandths. */
  readonly same: number;
  /** Share of the smaller box above which the less sure of two faces is dropped, in thousandths. */
  readonly cover: number;
  /** Least score of a face, in thousandths. */
  readonly score: number;
  /** Least longer side of a face's box, in pixels. */
  readonly size: number;
  /** Least score of a face that one detector's file alone sees, where no other face is found, in thousandths. */
  readonly alone: number;
  /**
   * Share of the photo's longer side, below which a face's longer side is small, in thousandths. Documents without it
   * mean 0.
   */
  readonly small: number;
  /** Least score of a small face that one detector's file alone sees, in thousandths. */
  readonly smallAlone: number;
}

/** What to do with a photo before and after the network, read from a bundle's `contract.json`. */
export interface Contract {
  /** Chooses the rule by which boxes are merged. */
  readonly version: number;
  /** Emotions in the order of the probabilities. */
  readonly labels: readonly string[];
  /** Side of the grey face that the network takes, in pixels. */
  readonly size: number;
  readonly crop: CropRule;
  readonly grey: GreyRule;
  /** Detectors, in the order in which they run. */
  readonly detectors: readonly DetectorRule[];
  readonly merge: MergeRule;
}

/** Reads the document; throws a {@link BundleError} for a newer version or a missing, foreign or misshapen field. */
export function readContract(json: string): Contract {
  const place = "contract.json";
  const document = parsed(json, place);
  const version = checkVersion(document, place, FORMAT, 1, VERSION);
  const names = ["labels", "size", "crop", "grey", "detectors", "merge"];
  const fixed = { input_type: "uint8", output_type: "float32", resize: "area" };
  const fields = Fields.of(
    document, place, ...names, "input_name", "output_name", ...Object.keys(fixed), "format", "version",
  );
  for (const [name, known] of Object.entries(fixed)) {
    const found = fields.text(name);
    if (found !== known) throw BundleError.broken(`${name} of ${place} is ${found}, known is ${known}`);
  }
  fields.text("input_name");
  fields.text("output_name");
  const labels = fields.texts("labels");
  if (!labels.length) throw BundleError.broken(`labels of ${place} is empty`);
  return {
    version,
    labels,
    size: fields.whole("size", 1),
    crop: crop(fields.any("crop")),
    grey: grey(fields.any("grey")),
    detectors: fields.list("detectors").map((one) => detector(one, version)),
    merge: merge(fields, version),
  };
}

function crop(document: unknown): CropRule {
  const fields = Fields.of(document, "crop", "scale", "shift_x", "shift_y");
  return { scale: fields.whole("scale", 1), shiftX: fields.whole("shift_x"), shiftY: fields.whole("shift_y") };
}

function grey(document: unknown): GreyRule {
  const fields = Fields.of(document, "grey", "red", "green", "blue", "shift");
  const [red, green, blue] = ["red", "green", "blue"].map((name) => fields.whole(name, 0)) as [number, number, number];
  const shift = fields.whole("shift", 1);
  // The whole of 255 must stay one byte, and the sum within 32 bits.
  if (shift > 22 || red + green + blue !== 2 ** shift) {
    throw BundleError.broken("grey of contract.json does not weigh 2^shift in all");
  }
  return { red, green, blue, shift };
}

function detector(document: unknown, version: number): DetectorRule {
  const added = [...(version >= 2 ? ["windows"] : []), ...(version > FIRST_COME ? ["margin"] : [])];
  const names = ["file", "sha256", "size", "grids", "threshold", "overlap", ...added];
  const fields = Fields.of(document, "detectors", ...names);
  const margin = version > FIRST_COME ? fields.whole("margin", 0) : 0;
  if (margin > MOST_MARGIN) throw BundleError.broken(`margin of detectors is ${margin}, over ${MOST_MARGIN}`);
  return {
    file: fields.text("file"),
    sha256: fields.text("sha256"),
    size: fields.whole("size", 1),
    windows: version >= 2 ? fields.whole("windows", 1) : 1,
    margin,
    grids: fields.list("grids").map((one) => {
      const grid = Fields.of(one, "grids", "cells", "anchors");
      return { cells: grid.whole("cells", 1), anchors: grid.whole("anchors", 1) };
    }),
    threshold: fields.whole("threshold", 0),
    overlap: fields.whole("overlap", 0),
  };
}

function merge(fields: Fields, version: number): MergeRule {
  if (version <= FIRST_COME) {
    return { same: 1000, cover: fields.whole("merge", 0), score: 0, size: 1, alone: 1000, small: 0, smallAlone: 1000 };
  }
  const given = fields.any("merge");
  if (!isObject(given)) throw BundleError.broken("merge of contract.json is not an object of fields");
  const rule = Fields.of(
    { small: 0, small_alone: 1000, ...given }, "merge", "same", "cover", "score", "size", "alone", "small", "small_alone");
  return {
    same: rule.whole("same", 0),
    cover: rule.whole("cover", 0),
    score: rule.whole("score", 0),
    size: rule.whole("size", 1),
    alone: rule.whole("alone", 0),
    small: rule.whole("small", 0),
    smallAlone: rule.whole("small_alone", 0),
  };
}
