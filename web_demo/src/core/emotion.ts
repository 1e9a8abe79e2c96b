/** A label with its probability. */
export interface Emotion {
  /** The label, as the contract writes it. */
  readonly label: string;
  /** From 0 to 1. */
  readonly probability: number;
}

/** The emotions, the most probable first; equal ones keep the order of the labels. */
export function ranked(labels: readonly string[], probabilities: ArrayLike<number>): Emotion[] {
  if (labels.length !== probabilities.length) {
    throw new RangeError(`${probabilities.length} probabilities for ${labels.length} labels`);
  }
  return labels
    .map((label, at) => ({ label, probability: probabilities[at]! }))
    .sort((one, other) => other.probability - one.probability);
}
