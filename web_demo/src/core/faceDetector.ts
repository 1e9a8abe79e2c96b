import { BlazeFace } from "./blazeFace.js";
import type { Face } from "./box.js";
import type { Bundle } from "./bundle.js";
import type { Contract } from "./contract.js";
import { type FoundByRule, merged } from "./merging.js";
import type { Picture } from "./picture.js";
import type { FaceModel, ModelRuntime } from "./runtime.js";

/** A detector's file that is compiled when it is needed. */
class OnDemand implements FaceModel {
  private loaded: Promise<FaceModel> | null = null;

  constructor(private readonly load: () => Promise<FaceModel>) {}

  get(): Promise<FaceModel> {
    return (this.loaded ??= this.load());
  }

  async run(image: Float32Array, size: number): Promise<Float32Array[]> {
    return (await this.get()).run(image, size);
  }

  close(): void {
    this.loaded?.then((model) => model.close()).catch(() => {});
  }
}

/** The detectors of a contract, loaded. */
export class FaceDetector {
  private readonly detectors: readonly BlazeFace[];

  /** @param models already loaded, by the contract's file names */
  constructor(
    private readonly contract: Contract,
    private readonly models: ReadonlyMap<string, FaceModel>,
  ) {
    this.detectors = contract.detectors.map((rule) => new BlazeFace(rule));
  }

  /**
   * Loads the bundle's detectors; a file with several rules is loaded once.
   *
   * All files are read and checked; those of rules that shrink the photo are compiled when {@link FaceDetector.faces}
   * first needs them, or by {@link FaceDetector.complete}: live pictures never do.
   */
  static async load(bundle: Bundle, runtime: ModelRuntime): Promise<FaceDetector> {
    const rules = new Map(bundle.contract.detectors.map((rule) => [rule.file, rule]));
    const models = await Promise.all(
      [...rules].map(async ([name, rule]) => {
        const file = await bundle.detector(rule);
        return [name, new OnDemand(() => runtime.faces(file))] as const;
      }),
    );
    const detector = new FaceDetector(bundle.contract, new Map(models));
    try {
      await detector.compile((windows) => windows === 1);
    } catch (failed) {
      detector.close();
      throw failed;
    }
    return detector;
  }

  /** Compiles every file that was not needed so far. */
  complete(): Promise<void> {
    return this.compile(() => true);
  }

  /**
   * The faces of a photo, in the order of the contract's version; an empty list where there is no face.
   *
   * @param windows rules that shrink the photo into more windows than this are not run: 1 finds the large faces alone,
   *   in a small part of the time, and is for live pictures
   */
  async faces(photo: Picture, windows = Infinity): Promise<Face[]> {
    const found: FoundByRule[] = [];
    for (const detector of this.detectors) {
      const model = this.models.get(detector.rule.file);
      if (!model) throw new Error(`${detector.rule.file} is not loaded`);
      if (detector.rule.windows > windows) continue;
      found.push({ rule: detector.rule, faces: await detector.faces(photo, model) });
    }
    return merged(found, photo.width, photo.height, this.contract);
  }

  private async compile(fits: (windows: number) => boolean): Promise<void> {
    for (const { rule } of this.detectors) {
      const model = this.models.get(rule.file);
      if (model instanceof OnDemand && fits(rule.windows)) await model.get();
    }
  }

  close(): void {
    for (const model of this.models.values()) model.close();
  }
}
