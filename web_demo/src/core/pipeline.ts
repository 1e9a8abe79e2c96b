import type { Face, Square } from "./box.js";
import type { Bundle } from "./bundle.js";
import { face as cropped, square } from "./crop.js";
import { type Emotion, ranked } from "./emotion.js";
import { FaceDetector } from "./faceDetector.js";
import { Latency } from "./latency.js";
import type { Variant } from "./manifest.js";
import type { Picture } from "./picture.js";
import type { EmotionModel, ModelRuntime } from "./runtime.js";

/** Together too few to be waited for; the median of nine is not moved by a run that is interrupted. */
const WARM_UP = 3;
const TIMED = 9;

/** One face of a photo and what the network says of it. */
export interface Prediction {
  /** What the detectors found. */
  readonly face: Face;
  /** The part of the photo that the network saw. */
  readonly square: Square;
  /** The network's input: size * size grey levels. */
  readonly gray: Uint8Array;
  /** In the order of the contract's labels. */
  readonly probabilities: Float32Array;
  /** The most probable first. */
  readonly emotions: readonly Emotion[];
}

/** Photo to faces to emotions, with one variant of a bundle; for one photo at a time. */
export class Pipeline {
  private constructor(
    private bundle: Bundle,
    private readonly detector: FaceDetector,
    private model: EmotionModel,
  ) {}

  /**
   * Loads the detectors and a variant; {@link Pipeline.complete} makes the first photo as fast as the others.
   *
   * @param runtime runs the detectors, and the variant unless `emotions` is given
   * @param emotions another runtime for the variant, such as onnxruntime-web for an .onnx file
   */
  static async load(
    bundle: Bundle, runtime: ModelRuntime, variant: Variant = bundle.manifest.preferred, emotions = runtime,
  ): Promise<Pipeline> {
    // Read beside the detectors; where both fail, the detectors' error is thrown.
    const file = bundle.model(variant);
    file.catch(() => {});
    const detector = await FaceDetector.load(bundle, runtime);
    try {
      const model = await emotions.emotions(await file, bundle.contract.size);
      return new Pipeline(bundle, detector, model);
    } catch (failed) {
      detector.close();
      throw failed;
    }
  }

  /**
   * Changes to another variant, also of another bundle; the detectors stay. Where it fails, the former variant stays.
   *
   * Another bundle must have been made with the same detectors: its contract counts for crop and labels alone.
   */
  async use(bundle: Bundle, variant: Variant, runtime: ModelRuntime): Promise<void> {
    const next = await runtime.emotions(await bundle.model(variant), bundle.contract.size);
    this.model.close();
    this.model = next;
    this.bundle = bundle;
  }

  /** Compiles the detectors of small faces, which the first photo would otherwise wait for. */
  complete(): Promise<void> {
    return this.detector.complete();
  }

  /** The faces of an upright photo with their emotions; windows: as {@link FaceDetector.faces} takes it. */
  async predict(photo: Picture, windows = Infinity): Promise<Prediction[]> {
    const result: Prediction[] = [];
    for (const face of await this.detector.faces(photo, windows)) {
      const { contract } = this.bundle;
      const cut = square(face.box, photo.width, photo.height, contract.crop);
      const gray = cropped(photo, cut, contract);
      const probabilities = await this.model.run(gray);
      result.push({ face, square: cut, gray, probabilities, emotions: ranked(contract.labels, probabilities) });
    }
    return result;
  }

  /**
   * What the variant in use takes for one face, in milliseconds: the median of some runs on the faces in turn, after
   * some that do not count. It is the network alone; detectors and crop are not in it.
   *
   * @param grays network's inputs, at least one, such as {@link Prediction.gray}
   */
  async latency(grays: readonly Uint8Array[]): Promise<number> {
    return (await Latency.of(this.model, grays, WARM_UP, TIMED)).milliseconds(50);
  }

  close(): void {
    this.detector.close();
    this.model.close();
  }
}
