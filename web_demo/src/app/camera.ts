import type { Word } from "./words.js";

/** Longer side of the pictures that are analysed, in pixels. */
const SIDE = 640;

/** A camera that cannot be had, with the text that explains it. */
export class CameraError extends Error {
  constructor(readonly word: Word) {
    super(word);
  }
}

/** The camera's pictures, drawn on a canvas one by one. */
export class Camera {
  readonly canvas = document.createElement("canvas");
  private constructor(
    private readonly stream: MediaStream,
    private readonly video: HTMLVideoElement,
  ) {
    const scale = Math.min(1, SIDE / Math.max(video.videoWidth, video.videoHeight));
    this.canvas.width = Math.max(1, Math.round(video.videoWidth * scale));
    this.canvas.height = Math.max(1, Math.round(video.videoHeight * scale));
  }

  /** Asks for the camera; throws a {@link CameraError} where there is none, or it is denied. */
  static async open(): Promise<Camera> {
    if (!navigator.mediaDevices) throw new CameraError("camera_insecure");
    const wanted = { facingMode: "user", width: { ideal: 640 }, height: { ideal: 480 } };
    const stream = await navigator.mediaDevices.getUserMedia({ video: wanted, audio: false }).catch((error: Error) => {
      throw new CameraError(WHY[error.name] ?? "camera_busy");
    });
    const video = document.createElement("video");
    video.muted = true;
    video.playsInline = true;
    video.srcObject = stream;
    await video.play();
    return new Camera(stream, video);
  }

  /** Whether it looks at who holds the device, so that the picture is shown as in a mirror. */
  get mirrored(): boolean {
    return this.stream.getVideoTracks()[0]?.getSettings().facingMode !== "environment";
  }

  /** Draws the picture of now and gives its pixels. */
  shot(): ImageData {
    const context = this.canvas.getContext("2d", { willReadFrequently: true, alpha: false })!;
    context.drawImage(this.video, 0, 0, this.canvas.width, this.canvas.height);
    return context.getImageData(0, 0, this.canvas.width, this.canvas.height);
  }

  /** The picture of now at the camera's own size. */
  photo(): HTMLCanvasElement {
    const canvas = document.createElement("canvas");
    canvas.width = this.video.videoWidth;
    canvas.height = this.video.videoHeight;
    canvas.getContext("2d", { willReadFrequently: true, alpha: false })!.drawImage(this.video, 0, 0);
    return canvas;
  }

  /** Resolves when the next picture is there. */
  next(): Promise<void> {
    return new Promise((resolve) => {
      if ("requestVideoFrameCallback" in this.video) this.video.requestVideoFrameCallback(() => resolve());
      else requestAnimationFrame(() => resolve());
    });
  }

  close(): void {
    for (const track of this.stream.getTracks()) track.stop();
    this.video.srcObject = null;
  }
}

const WHY: Record<string, Word> = {
  NotAllowedError: "camera_denied",
  SecurityError: "camera_denied",
  NotFoundError: "camera_none",
  OverconstrainedError: "camera_none",
};
