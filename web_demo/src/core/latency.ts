import type { EmotionModel } from "./runtime.js";

declare const performance: { now(): number };

/** Percentiles of measured times, interpolated linearly between the two nearest. */
export class Latency {
  private readonly ordered: readonly number[];

  /** @param milliseconds at least one */
  constructor(milliseconds: readonly number[]) {
    this.ordered = [...milliseconds].sort((one, other) => one - other);
  }

  /**
   * Times single inferences, the inputs in turn.
   *
   * @param warmUp runs before the first that counts: a network just loaded is slow at first
   * @param timed runs that count, at least one
   */
  static async of(
    model: EmotionModel, inputs: readonly Uint8Array[], warmUp: number, timed: number,
  ): Promise<Latency> {
    const times: number[] = [];
    for (let at = 0; at < warmUp + timed; at++) {
      const start = performance.now();
      await model.run(inputs[at % inputs.length]!);
      if (at >= warmUp) times.push(performance.now() - start);
    }
    return new Latency(times);
  }

  /**
   * The percentile, from 0 to 100, in milliseconds to five decimals. Never 0: a browser's clock is coarse, and a time
   * below its step is a time all the same.
   */
  milliseconds(percentile: number): number {
    const place = (percentile / 100) * (this.ordered.length - 1);
    const below = Math.floor(place);
    const low = this.ordered[below]!;
    const high = this.ordered[Math.min(below + 1, this.ordered.length - 1)]!;
    return Math.max(1e-5, Math.round((low + (place - below) * (high - low)) * 1e5) / 1e5);
  }
}
