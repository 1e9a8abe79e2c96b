"""The temperature that makes a network as sure as it is right."""

import numpy as np
import pytest

from fer_export.network import temperature
from helpers.networks import checkpoint_of, classifier, grey


def test_a_network_that_is_half_as_sure_as_it_may_be_gets_one_half():
    rng = np.random.default_rng(0)
    logits = rng.normal(0, 2, (20000, 5))
    true = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    targets = (rng.random((len(true), 1)) > true.cumsum(axis=1)).sum(axis=1)
    unsure = np.exp(logits / 2)
    unsure /= unsure.sum(axis=1, keepdims=True)
    assert temperature.fitted(unsure.astype("float32"), targets) == pytest.approx(0.5, abs=0.02)
    assert temperature.fitted(true.astype("float32"), targets) == pytest.approx(1, abs=0.04)


def test_it_changes_how_sure_the_answers_are_and_not_which(tmp_path):
    plain, images = checkpoint_of(classifier(lambda x: x), tmp_path), grey(6)
    sharper = temperature.with_temperature(plain, 0.5)
    before, after = plain.predict(images), sharper.predict(images)
    wanted = before.astype("float64") ** 2
    np.testing.assert_allclose(after, wanted / wanted.sum(axis=1, keepdims=True), atol=1e-5)
