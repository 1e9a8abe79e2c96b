import { expect, test } from "vitest";
import { Box } from "../../src/core/box.js";
import type { Prediction } from "../../src/core/pipeline.js";
import { Smoothing } from "../../src/core/smoothing.js";

function seen(left: number, ...probabilities: number[]): Prediction {
  const face = { box: new Box(left, 0, left + 100, 100), score: 1, detector: "a" };
  return { face, probabilities: Float32Array.from(probabilities) } as unknown as Prediction;
}

test("probabilities follow slowly, the same at any number of pictures a second", () => {
  const follow = (step: number) => {
    const smoothing = new Smoothing();
    let tracks = smoothing.add([seen(0, 1, 0)], 0);
    for (let time = step; time <= 600; time += step) tracks = smoothing.add([seen(0, 0, 1)], time);
    return tracks[0]!.probabilities;
  };
  expect(follow(50)[0]).toBeCloseTo(Math.exp(-2), 5);
  expect(follow(200)[0]).toBeCloseTo(Math.exp(-2), 5);
  expect(follow(100)[0]! + follow(100)[1]!).toBeCloseTo(1, 5);
});

test("faces keep their own means, and one that is not found stays for a moment", () => {
  const smoothing = new Smoothing();
  const [one, other] = smoothing.add([seen(0, 1, 0), seen(300, 0, 1)], 0);
  const after = smoothing.add([seen(310, 0, 1), seen(5, 1, 0)], 100);
  expect(after.map((track) => track.id)).toEqual([other!.id, one!.id]);
  expect([...after[0]!.probabilities]).toEqual([0, 1]);
  expect(smoothing.add([], 300)).toHaveLength(2);
  expect(smoothing.add([], 1000)).toHaveLength(0);
});

test("a face elsewhere, and another network's labels, start anew", () => {
  const smoothing = new Smoothing();
  const [first] = smoothing.add([seen(0, 1, 0)], 0);
  expect(smoothing.add([seen(80, 0, 1)], 50)[0]!.id).not.toBe(first!.id);
  const other = new Smoothing();
  other.add([seen(0, 1, 0)], 0);
  expect([...other.add([seen(0, 0, 0, 1)], 50)[0]!.probabilities]).toEqual([0, 0, 1]);
});
