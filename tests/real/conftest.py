"""The data set and the default network, read once."""

import pytest

from fer_export.checkpoint import checkpoint
from fer_export.dataset import read as readers


@pytest.fixture(scope="session")
def data(fer2013):
    return readers.read(fer2013)


@pytest.fixture(scope="session")
def shipped():
    return checkpoint.load(checkpoint.DEFAULT_MODEL)
