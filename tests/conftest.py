"""Shared fixtures: a cache folder of the test's own, tiny data sets and networks made on the spot."""

import gc
import os
from pathlib import Path

import numpy as np
import pytest

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
os.environ["ORT_DISABLE_TELEMETRY"] = "1"  # some tests import onnxruntime before the package


LONGEST = ("test_variants.py", "test_pictures.py", "test_cli.py", "test_kills.py")
"""Modules that take minutes with every marker. They begin, so that no core waits for one of them at the end."""


def pytest_collection_modifyitems(items):
    items.sort(key=lambda item: LONGEST.index(item.path.name) if item.path.name in LONGEST else len(LONGEST))


def pytest_collection_finish():
    """TensorFlow's converter looks for garbage each time, among all that TensorFlow and Keras have imported."""
    gc.freeze()


@pytest.fixture(scope="session", autouse=True)
def _own_cache(tmp_path_factory):
    os.environ["FER_EXPORT_CACHE"] = str(tmp_path_factory.mktemp("cache"))


@pytest.fixture(scope="session")
def fer2013() -> Path:
    """The real fer2013.csv, for tests marked `real`; FER2013_CSV names it."""
    path = os.environ.get("FER2013_CSV")
    if not path:
        pytest.skip("FER2013_CSV does not name a fer2013.csv")
    return Path(path)


@pytest.fixture(scope="session")
def tiny_csv(tmp_path_factory) -> Path:
    """140 synthetic faces of 7 emotions: 98 Training, 42 PublicTest; brightness tells the emotion."""
    path = tmp_path_factory.mktemp("data") / "tiny.csv"
    rng = np.random.default_rng(0)
    lines = ["emotion,pixels,Usage"]
    for row in range(140):
        emotion = row % 7
        pixels = rng.integers(0, 60, 2304) + 28 * emotion
        usage = "Training" if row < 98 else "PublicTest"
        lines.append(f"{emotion},{' '.join(map(str, pixels))},{usage}")
    path.write_text("\n".join(lines) + "\n")
    return path
