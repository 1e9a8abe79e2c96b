/** A detector's file, loaded by a runtime. */
export interface FaceModel {
  /**
   * Runs the file.
   *
   * @param image [1, size, size, 3] from -1 to 1
   * @returns its two outputs in any order: regressors [1, N, 16] and scores [1, N, 1]
   */
  run(image: Float32Array, size: number): Promise<Float32Array[]>;
  close(): void;
}

/** A variant of the emotion network, loaded by a runtime. */
export interface EmotionModel {
  /** uint8 [1, size, size, 1] to the probability of every label. */
  run(gray: Uint8Array): Promise<Float32Array>;
  close(): void;
}

/** What runs model files: LiteRT.js or onnxruntime-web. */
export interface ModelRuntime {
  /** Name and version, such as `litert.js 2.5.3`. */
  readonly name: string;
  /** The set of kernels, as golden vectors name it: `litert-xnnpack`, `onnxruntime` or another. */
  readonly kernels: string;
  /** Threads that one inference uses. */
  readonly threads: number;
  /** Whether it runs files of a format: `tflite` or `onnx`. */
  runs(format: string): boolean;
  /** Loads a detector's file. */
  faces(file: Uint8Array): Promise<FaceModel>;
  /** Loads a variant's file; size: side of the grey face. */
  emotions(file: Uint8Array, size: number): Promise<EmotionModel>;
}
