"""The loss that takes the emotions' shares out of what a network learns."""

import keras
import numpy as np
import pytest
from keras import layers

from fer_export.checkpoint import checkpoint
from fer_export.cli import main
from fer_export.dataset.dataset import Dataset
from fer_export.dataset.emotions import FER2013
from fer_export.training import networks, train_network
from fer_export.training.methods import logit_adjustment
from fer_export.training.networks import Family
from fer_export.training.plan import Plan

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept a copy keyword")

SHARES = np.array([0.9, 0.08, 0.02])


def cross_entropy(logits, targets):
    logs = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
    return float(-(targets * logs).sum(axis=1).mean())


@pytest.mark.parametrize("tau", [0.0, 0.5, 1.0])
def test_the_loss_adds_the_logarithm_of_the_shares_to_the_logits(tau):
    rng = np.random.default_rng(0)
    logits = rng.normal(0, 2, (20, 3))
    targets = rng.dirichlet([1, 1, 1], 20)
    given = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    found = logit_adjustment.loss(SHARES, tau, 0.0)(targets.astype("float32"), given.astype("float32"))
    assert float(np.mean(found)) == pytest.approx(cross_entropy(logits + tau * np.log(SHARES), targets), rel=1e-5)


def test_what_a_network_learns_of_the_shares():
    assert logit_adjustment.learned_shares(SHARES, 0.0) == pytest.approx(SHARES)
    assert logit_adjustment.learned_shares(SHARES, 1.0) == pytest.approx(np.full(3, 1 / 3))
    half = logit_adjustment.learned_shares(SHARES, 0.5)
    assert half == pytest.approx(np.sqrt(SHARES) / np.sqrt(SHARES).sum())


def test_pictures_that_say_nothing_are_answered_with_equal_shares():
    """With nothing to see, the plain loss learns the shares of the emotions, the adjusted one learns that it knows
    nothing."""
    answers = {}
    for tau in (0.0, 1.0):
        network = keras.Sequential([keras.Input((1,)), layers.Dense(3, activation="softmax")])
        network.compile(optimizer=keras.optimizers.Adam(0.1), loss=logit_adjustment.loss(SHARES, tau, 0.0))
        targets = np.repeat(np.eye(3), (SHARES * 100).astype(int), axis=0)
        network.fit(np.zeros((15_000, 1)), np.tile(targets, (150, 1)), batch_size=100, shuffle=False, verbose=0)
        answers[tau] = np.asarray(network(np.zeros((1, 1))))[0]
    assert answers[0.0] == pytest.approx(SHARES, abs=0.03)
    assert answers[1.0] == pytest.approx(np.full(3, 1 / 3), abs=0.03)


def faces(tmp_path, count=56):
    """Half of the faces are happy."""
    rng = np.random.default_rng(0)
    emotions = np.arange(count) % 7
    emotions[::2] = FER2013.index("happy")
    pixels = (rng.integers(0, 40, (count, 48, 48, 1)) + (emotions * 20)[:, None, None, None]).astype(np.uint8)
    usage = (np.arange(count) >= count // 2).astype(np.uint8)
    return Dataset(pixels, emotions.astype(np.uint8), usage, np.arange(count), tmp_path / "fer2013.csv", "ab" * 32)


@pytest.mark.slow
def test_the_card_holds_the_shares_that_the_answers_assume(tmp_path, monkeypatch):
    monkeypatch.setitem(networks.NETWORKS, "thin", Family((4, 4, 4, 4)))
    cards = {}
    for tau in (0.0, 1.0):
        changes = {"epochs": 1, "batch_size": 8, "logit_adjustment": tau}
        plan, folder = Plan("thin", 7, changes=changes), tmp_path / f"run{tau:g}"
        cards[tau] = train_network.train_network(plan, faces(tmp_path), folder)
        assert cards[tau]["protocol"]["recipe"]["logit_adjustment"] == tau
        assert checkpoint.load(folder).trained_shares == cards[tau]["trained_shares"]
    assert cards[0.0]["trained_shares"]["happy"] > 0.5
    assert list(cards[1.0]["trained_shares"].values()) == pytest.approx([1 / 7] * 7, abs=1e-5)


@pytest.mark.parametrize("value", ["1.5", "-0.1", "all"])
def test_a_share_that_is_none_is_refused(value, capsys):
    assert main(["train", "--data", "fer2013.csv", "--output", "run", f"--logit-adjustment={value}"]) == 2
    assert "is not a share between 0 and 1" in capsys.readouterr().err
