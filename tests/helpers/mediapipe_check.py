"""Whether MediaPipe Tasks' ImageClassifier opens an exported rgb file and agrees with Keras.

Stand-alone, for an environment that holds nothing but mediapipe (and its numpy):

    python mediapipe_check.py FILE.tflite CASES.npz

CASES.npz: images uint8 [N, S, S, 3]; top1, the labels that Keras gives them [N]; labels, all labels in the
order of the output [K]. Exit code 1 if MediaPipe refuses the file, names other labels, or puts another label first.
"""

from __future__ import annotations

import sys
from typing import Any

import mediapipe
import numpy as np
from mediapipe.tasks.python import BaseOptions, vision


def classify(path: str, images: Any) -> list[list[Any]]:
    """All categories of every image as MediaPipe returns them, the most probable first."""
    options = vision.ImageClassifierOptions(base_options=BaseOptions(model_asset_path=path), max_results=-1)
    with vision.ImageClassifier.create_from_options(options) as classifier:
        return [classifier.classify(as_image(pixels)).classifications[0].categories for pixels in images]


def as_image(pixels: Any) -> Any:
    return mediapipe.Image(image_format=mediapipe.ImageFormat.SRGB, data=np.ascontiguousarray(pixels))


def differences(answers: list[list[Any]], labels: list[str], top1: list[str]) -> list[str]:
    """What is wrong, in words; empty if nothing is."""
    named = {category.index: category.category_name for categories in answers for category in categories}
    found = [named.get(index) for index in range(max(named) + 1)]
    first = [categories[0].category_name for categories in answers]
    other = sum(given != expected for given, expected in zip(first, top1, strict=True))
    wrong = []
    if found != labels:
        wrong.append(f"labels {found}, not {labels}")
    if other:
        wrong.append(f"top-1 differs from Keras on {other} of {len(top1)} images")
    return wrong


def main(path: str, cases: str) -> int:
    with np.load(cases, allow_pickle=False) as arrays:
        images, top1, labels = arrays["images"], arrays["top1"].tolist(), arrays["labels"].tolist()
    try:
        answers = classify(path, images)
    except (RuntimeError, ValueError) as error:
        wrong = [f"refused: {' '.join(str(error).split())}"]
    else:
        wrong = differences(answers, labels, top1)
    verdict = "; ".join(wrong) or f"labels right, top-1 equal to Keras on {len(top1)} of {len(top1)} images"
    print(f"mediapipe {mediapipe.__version__}: {path}: {verdict}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2]))
