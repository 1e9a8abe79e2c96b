"""Whether OpenCV's dnn module opens exported .onnx files and agrees with Keras.

Stand-alone, for an environment that holds nothing but opencv-python-headless (and its numpy):

    python opencv_check.py CASES.npz FILE.onnx...

CASES.npz: images uint8 [N, S, S, C]; top1, the positions that Keras puts first [N]. The bytes go in as they are. Exit
code 1 if OpenCV refuses a file or puts another position first.
"""

from __future__ import annotations

import sys
from typing import Any

import cv2
import numpy as np


def top1(path: str, images: Any) -> Any:
    """The position of the largest probability of every image."""
    network = cv2.dnn.readNetFromONNX(path)
    found = []
    for image in images:
        network.setInput(image[None], "image")
        found.append(int(network.forward("probabilities").argmax()))
    return np.array(found)


def check(path: str, images: Any, expected: Any) -> str:
    """What is wrong with a file, in words; "" if nothing is."""
    try:
        given = top1(path, images)
    except cv2.error as error:
        return f"refused: {' '.join(str(error).split())}"
    other = int((given != expected).sum())
    return f"top-1 differs from Keras on {other} of {len(images)} images" if other else ""


def main(cases: str, paths: list[str]) -> int:
    with np.load(cases, allow_pickle=False) as arrays:
        images, expected = arrays["images"], arrays["top1"]
    wrong = {path: check(path, images, expected) for path in paths}
    for path, verdict in wrong.items():
        said = verdict or f"top-1 equal to Keras on {len(images)} of {len(images)} images"
        print(f"opencv {cv2.__version__}: {path}: {said}")
    return 1 if any(wrong.values()) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2:]))
