import type { Box } from "./box.js";
import type { Prediction } from "./pipeline.js";

/** A face followed from one live picture to the next. */
export interface Track {
  readonly id: number;
  box: Box;
  /** Smoothed over time, in the order of the labels. */
  probabilities: Float32Array;
  /** Time at which it was last seen, in milliseconds. */
  seen: number;
}

/** Time constant of the mean, in milliseconds, and how long a face that is not found is still shown. */
const CONSTANT = 300;
const PATIENCE = 400;

/**
 * Probabilities smoothed over time, face by face: an exponential mean with a time constant of .3 s, so that the same
 * holds at any number of pictures a second. A face is the one whose box it covers most, by at least a third.
 */
export class Smoothing {
  private tracks: Track[] = [];
  private next = 0;

  /** The faces after one more picture, taken at a time in milliseconds; those not found are kept for a moment. */
  add(predictions: readonly Prediction[], time: number): readonly Track[] {
    const free = [...this.tracks];
    const found = predictions.map((prediction) => {
      const near = best(prediction.face.box, free);
      if (!near) return { id: this.next++, box: prediction.face.box, probabilities: prediction.probabilities, seen: time };
      free.splice(free.indexOf(near), 1);
      const weight = near.probabilities.length === prediction.probabilities.length
        ? 1 - Math.exp(-Math.max(0, time - near.seen) / CONSTANT)
        : 1;
      const mean = prediction.probabilities.map((value, at) => {
        const before = weight === 1 ? value : near.probabilities[at]!;
        return before + weight * (value - before);
      });
      return { id: near.id, box: prediction.face.box, probabilities: mean, seen: time };
    });
    this.tracks = [...found, ...free.filter((track) => time - track.seen < PATIENCE)];
    return this.tracks;
  }

  /** Forgets all faces. */
  reset(): void {
    this.tracks = [];
  }
}

function best(box: Box, tracks: readonly Track[]): Track | undefined {
  let found: Track | undefined;
  let most = 1 / 3;
  for (const track of tracks) {
    const shared = box.shared(track.box);
    const overlap = shared / (box.area + track.box.area - shared);
    if (overlap > most) [found, most] = [track, overlap];
  }
  return found;
}
