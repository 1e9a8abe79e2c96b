import type { Face } from "./box.js";
import type { Bundle } from "./bundle.js";
import { face as cropped, square } from "./crop.js";
import { FaceDetector } from "./faceDetector.js";
import type { Answers, Golden, GoldenPhoto } from "./golden.js";
import { sha256OfPicture } from "./hash.js";
import { Latency } from "./latency.js";
import type { Variant } from "./manifest.js";
import type { Picture } from "./picture.js";
import type { ModelRuntime } from "./runtime.js";

const WARM_UP = 10;
const TIMED = 200;

/** Pixels that the edge of a found box may be off. */
const BOX_TOLERANCE = 1;

/** The machine that a self-check ran on, each in words. */
export interface Device {
  readonly model: string;
  readonly cpu: string;
  readonly abi: string;
  readonly os: string;
}

/** How this machine's pixels, crops and faces compare with the golden ones; named as in the shared document. */
export interface PhotoCheck {
  photos: number;
  equal_photos: number;
  crops: number;
  equal_crops: number;
  faces: number;
  missing_faces: number;
  foreign_faces: number;
  box_distance: number;
}

/** How one variant's answers compare with its golden ones, and how long they took; named as in the shared document. */
export interface VariantCheck {
  file: string;
  format: string;
  precision: string;
  vectors: number;
  largest_difference: number;
  agreement: number;
  p50_ms: number;
  p95_ms: number;
  within_tolerance: boolean;
}

/** What a self-check found: the document that `fer-export device FILE.json` reads. */
export interface SelfCheckReport {
  format: "fer-export device check";
  version: 1;
  bundle: string;
  runtime: string;
  kernels: string;
  threads: number;
  device: Device;
  photos: PhotoCheck;
  variants: VariantCheck[];
}

/** What a self-check needs beside the bundle. */
export interface SelfCheckOptions {
  readonly runtime: ModelRuntime;
  readonly device: Device;
  /** Decodes a PNG file. */
  readonly decode: (png: Uint8Array) => Promise<Picture>;
  /** Which variants are replayed; by default all that the runtime runs. */
  readonly variants?: (variant: Variant) => boolean;
  /** Hears how far the check is. */
  readonly progress?: (step: number, steps: number) => void;
  /** Timed inferences of each variant. */
  readonly timed?: number;
}

/** Replays a bundle's golden vectors: whether this machine finds, cuts and answers what Python did, and how fast. */
export async function selfCheck(bundle: Bundle, options: SelfCheckOptions): Promise<SelfCheckReport> {
  const { runtime, progress = () => {} } = options;
  const golden = await bundle.golden();
  const variants = bundle.manifest.variants.filter(
    (one) => runtime.runs(one.format) && golden.of(one, runtime.kernels) && (options.variants?.(one) ?? true),
  );
  const steps = golden.photos.length + variants.length;
  let step = 0;
  const photos: PhotoCheck = {
    photos: 0, equal_photos: 0, crops: 0, equal_crops: 0, faces: 0, missing_faces: 0, foreign_faces: 0,
    box_distance: 0,
  };
  const detector = await FaceDetector.load(bundle, runtime);
  try {
    for (const photo of golden.photos) {
      progress(step++, steps);
      await addPhoto(photos, photo, await options.decode(await bundle.read(photo.file)), bundle, detector);
    }
  } finally {
    detector.close();
  }
  const checks: VariantCheck[] = [];
  for (const variant of variants) {
    progress(step++, steps);
    checks.push(await check(bundle, variant, golden, runtime, options.timed ?? TIMED));
  }
  progress(steps, steps);
  return {
    format: "fer-export device check",
    version: 1,
    bundle: bundle.manifest.digest,
    runtime: runtime.name,
    kernels: runtime.kernels,
    threads: runtime.threads,
    device: options.device,
    photos,
    variants: checks,
  };
}

/** Whether this machine computes what Python computed. */
export function passed(report: SelfCheckReport): boolean {
  return (
    photosPassed(report.photos) && report.variants.length > 0 && report.variants.every((one) => one.within_tolerance)
  );
}

/** Whether all but the boxes is the very same, and no edge of a box is off by more than a pixel. */
export function photosPassed(photos: PhotoCheck): boolean {
  const same = photos.equal_photos === photos.photos && photos.equal_crops === photos.crops;
  return same && photos.missing_faces === 0 && photos.foreign_faces === 0 && photos.box_distance <= BOX_TOLERANCE;
}

async function addPhoto(
  counts: PhotoCheck, golden: GoldenPhoto, picture: Picture, bundle: Bundle, detector: FaceDetector,
): Promise<void> {
  counts.photos++;
  counts.equal_photos += sha256OfPicture(picture) === golden.sha256 ? 1 : 0;
  for (const crop of golden.crops) {
    const cut = square(crop.box, picture.width, picture.height, bundle.contract.crop);
    const there = cut.box.distance(crop.square.box) === 0;
    counts.crops++;
    counts.equal_crops += there && equal(cropped(picture, cut, bundle.contract), crop.gray) ? 1 : 0;
  }
  compareFaces(counts, golden.faces, await detector.faces(picture));
}

function compareFaces(counts: PhotoCheck, wanted: readonly Face[], found: readonly Face[]): void {
  counts.faces += wanted.length;
  counts.missing_faces += Math.max(0, wanted.length - found.length);
  counts.foreign_faces += Math.max(0, found.length - wanted.length);
  for (const face of found.length ? wanted : []) {
    const nearest = Math.min(...found.map((one) => face.box.distance(one.box)));
    counts.box_distance = Math.max(counts.box_distance, nearest);
  }
}

async function check(
  bundle: Bundle, variant: Variant, golden: Golden, runtime: ModelRuntime, timed: number,
): Promise<VariantCheck> {
  const expected = golden.of(variant, runtime.kernels)!;
  const model = await runtime.emotions(await bundle.model(variant), bundle.contract.size);
  try {
    const answers: Float32Array[] = [];
    for (const vector of golden.vectors) answers.push(await model.run(vector));
    const latency = await Latency.of(model, golden.vectors, WARM_UP, timed);
    return {
      file: variant.file,
      format: variant.format,
      precision: variant.precision,
      vectors: answers.length,
      ...compareAnswers(expected, runtime.kernels, answers),
      p50_ms: latency.milliseconds(50),
      p95_ms: latency.milliseconds(95),
    };
  } finally {
    model.close();
  }
}

/**
 * How answers compare: within the tolerance where no probability is further off than allowed, and the most probable
 * label is the same wherever it leads by more than that.
 */
export function compareAnswers(
  expected: Answers, kernels: string, answers: readonly Float32Array[],
): Pick<VariantCheck, "largest_difference" | "agreement" | "within_tolerance"> {
  const tolerance = expected.kernels === kernels ? expected.tolerance : expected.elsewhere;
  let largest = 0;
  let same = 0;
  let within = true;
  answers.forEach((answer, vector) => {
    const wanted = expected.probabilities[vector]!;
    const difference = differenceOf(wanted, answer);
    const agrees = top(wanted) === top(answer);
    largest = Math.max(largest, difference);
    same += agrees ? 1 : 0;
    within &&= difference <= tolerance && (agrees || lead(wanted) <= tolerance);
  });
  return { largest_difference: largest, agreement: same / answers.length, within_tolerance: within };
}

/** Largest difference of two rows of probabilities; the largest number where one is NaN or lacks a label. */
function differenceOf(wanted: Float32Array, answer: Float32Array): number {
  let largest = wanted.length === answer.length ? 0 : Number.MAX_VALUE;
  for (let at = 0; at < Math.min(wanted.length, answer.length); at++) {
    const difference = Math.abs(wanted[at]! - answer[at]!);
    largest = Math.max(largest, Number.isNaN(difference) ? Number.MAX_VALUE : difference);
  }
  return largest;
}

function top(probabilities: Float32Array): number {
  let found = 0;
  probabilities.forEach((one, at) => (found = one > probabilities[found]! ? at : found));
  return found;
}

/** By how much the most probable label leads the next one. */
function lead(probabilities: Float32Array): number {
  const [first = 0, next = 0] = [...probabilities].sort((one, other) => other - one);
  return first - next;
}

function equal(one: Uint8Array, other: Uint8Array): boolean {
  return one.length === other.length && one.every((value, at) => value === other[at]);
}
