import { BlazeFace } from "./blazeFace.js";
import type { Face } from "./box.js";
import type { Bundle } from "./bundle.js";
import type { Contract } from "./contract.js";
import { type FoundByRule, merged } from "./merging.js";
import type { Picture } from "./picture.js";
import type { FaceModel, ModelRuntime } from "./runtime.js";

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

  /** Loads the bundle's detectors; a file with several rules is loaded once. */
  static async load(bundle: Bundle, runtime: ModelRuntime): Promise<FaceDetector> {
    const models = new Map<string, FaceModel>();
    try {
      for (const rule of bundle.contract.detectors) {
        if (!models.has(rule.file)) models.set(rule.file, await runtime.faces(await bundle.detector(rule)));
      }
    } catch (failed) {
      for (const model of models.values()) model.close();
      throw failed;
    }
    return new FaceDetector(bundle.contract, models);
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

  close(): void {
    for (const model of this.models.values()) model.close();
  }
}
