export { Box, type Face, Square } from "./box.js";
export { Bundle, type Source } from "./bundle.js";
export { type Contract, readContract } from "./contract.js";
export { face, square } from "./crop.js";
export { type Emotion, ranked } from "./emotion.js";
export { BundleError } from "./errors.js";
export { FaceDetector } from "./faceDetector.js";
export { Golden } from "./golden.js";
export { sha256, sha256OfPicture } from "./hash.js";
export { Latency } from "./latency.js";
export { Manifest, type Variant } from "./manifest.js";
export type { Picture } from "./picture.js";
export { Pipeline, type Prediction } from "./pipeline.js";
export type { EmotionModel, FaceModel, ModelRuntime } from "./runtime.js";
export {
  type Device, passed, type PhotoCheck, photosPassed, selfCheck, type SelfCheckReport, type VariantCheck,
} from "./selfCheck.js";
export { Smoothing, type Track } from "./smoothing.js";
