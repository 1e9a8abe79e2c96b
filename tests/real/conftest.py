"""The data set and the default network, read once."""

from dataclasses import replace

import numpy as np
import pytest

from fer_export.checkpoint import checkpoint
from fer_export.dataset import read as readers
from fer_export.dataset.dataset import SPLITS


@pytest.fixture(scope="session")
def data(fer2013):
    return readers.read(fer2013)


@pytest.fixture(scope="session")
def few(data):
    """Training, and every fifth face of PublicTest: 718, for what needs no figure of all."""
    public = np.flatnonzero(data.usage == SPLITS.index("PublicTest"))[::5]
    kept = np.sort(np.concatenate([np.flatnonzero(data.usage == SPLITS.index("Training")), public]))
    return replace(data, **{name: getattr(data, name)[kept] for name in ("pixels", "emotions", "usage", "rows")})


@pytest.fixture(scope="session")
def shipped():
    return checkpoint.load(checkpoint.DEFAULT_MODEL)
