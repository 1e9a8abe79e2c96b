"""Training on people's votes: the targets, the first weights of an added emotion, the card."""

import keras
import numpy as np
import pytest

from fer_export.checkpoint import checkpoint
from fer_export.dataset.dataset import Dataset
from fer_export.dataset.emotions import FER2013, FER_PLUS
from fer_export.dataset.vote_rules import CHOICES
from fer_export.errors import UsageError
from fer_export.training import networks, recipe, train_network, trainer
from fer_export.training.methods import initial_weights
from fer_export.training.networks import Family
from fer_export.training.plan import Plan
from helpers.networks import checkpoint_of

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept a copy keyword")


@pytest.fixture(autouse=True)
def _thin_network(monkeypatch):
    monkeypatch.setitem(networks.NETWORKS, "thin", Family((4, 4, 4, 4)))


def voted(tmp_path, count: int = 32) -> Dataset:
    """Two thirds of each face's votes are for one of the eight emotions, the rest for neutral."""
    rng = np.random.default_rng(0)
    chosen = np.arange(count) % 8
    counts = np.zeros((count, 10), np.uint8)
    counts[np.arange(count), [CHOICES.index(FER_PLUS[each]) for each in chosen]] = 6
    counts[:, CHOICES.index("neutral")] += 3
    pixels = (rng.integers(0, 40, (count, 48, 48, 1)) + (chosen * 20)[:, None, None, None]).astype(np.uint8)
    emotions = np.full(count, FER2013.index("sad"), np.uint8)
    usage = (np.arange(count) >= count // 2).astype(np.uint8)
    source = tmp_path / "fer2013.csv"
    return Dataset(
        pixels, emotions, usage, np.arange(count), source, "ab" * 32, counts, tmp_path / "votes.csv", "cd" * 32
    )


@pytest.mark.slow
def test_votes_are_learned_as_shares_and_the_card_says_so(tmp_path, monkeypatch):
    seen = {}
    train = trainer.train

    def watched(setup, training, validation, folder, **options):
        seen.update(training=training, validation=validation, recipe=setup.recipe)
        return train(setup, training, validation, folder, **options)

    monkeypatch.setattr(trainer, "train", watched)
    changes = {"epochs": 1, "batch_size": 8}
    card = train_network.train_network(Plan("thin", 8, changes=changes), voted(tmp_path), tmp_path / "run")
    soft = seen["training"].soft
    assert soft[1, [FER_PLUS.index("happy"), FER_PLUS.index("neutral")]] == pytest.approx([2 / 3, 1 / 3])
    assert seen["validation"].soft is None
    assert (seen["recipe"].votes, seen["recipe"].label_smoothing) == (1.0, 0.0)
    assert card["labels"] == list(FER_PLUS)
    assert card["data"]["votes"]["file"] == "votes.csv"
    assert card["trained_shares"] == pytest.approx(dict(zip(FER_PLUS, soft.mean(axis=0), strict=True)), abs=1e-5)
    assert sum(card["trained_shares"].values()) == pytest.approx(1, abs=1e-4)
    # The network that reads the card knows what it was trained on.
    assert checkpoint.load(tmp_path / "run").trained_shares == card["trained_shares"]


def test_votes_are_mixed_with_2013s_labels_by_weight(tmp_path, monkeypatch):
    given = {}

    def stopped(setup, training, *rest, **options):
        given["soft"] = training.soft
        raise UsageError("seen")

    monkeypatch.setattr(trainer, "train", stopped)
    with pytest.raises(UsageError, match="seen"):
        train_network.train_network(Plan("thin", 8, changes={"votes": 0.75}), voted(tmp_path), tmp_path / "run")
    happy, sad = FER_PLUS.index("happy"), FER_PLUS.index("sad")
    assert given["soft"][1, [happy, sad]] == pytest.approx([0.5, 0.25])


def test_eight_outputs_need_votes_and_votes_need_the_official_splits(tmp_path):
    data = voted(tmp_path)
    plain = Dataset(data.pixels, data.emotions, data.usage, data.rows, data.source, data.sha256)
    with pytest.raises(UsageError, match="no contempt"):
        train_network.train_network(Plan("thin", 8), plain, tmp_path / "run")
    with pytest.raises(UsageError, match="needs votes"):
        train_network.train_network(Plan("thin", 7, changes={"votes": 0.5}), plain, tmp_path / "run")
    with pytest.raises(UsageError, match="official splits"):
        train_network.train_network(Plan("thin", 8, "report"), data, tmp_path / "run")


def test_an_added_emotion_begins_with_the_mean_of_the_others(tmp_path):
    keras.utils.set_random_seed(1)
    network = networks.build("thin", 7)
    last = network.get_layer("probabilities")
    last.set_weights([last.get_weights()[0], np.arange(7, dtype=np.float32)])
    kernel, bias = last.get_weights()
    found = initial_weights.of(checkpoint_of(network, tmp_path), 8)
    new_kernel, new_bias = found["probabilities/0"], found["probabilities/1"]
    assert new_kernel.shape == (4, 8)
    for position, name in enumerate(FER_PLUS[:7]):
        assert np.array_equal(new_kernel[:, position], kernel[:, FER2013.index(name)])
        assert new_bias[position] == bias[FER2013.index(name)]
    assert new_kernel[:, 7] == pytest.approx(kernel.mean(axis=1))
    assert new_bias[7] == pytest.approx(3.0 - initial_weights.RARE)


def test_votes_replace_label_smoothing():
    assert recipe.of("nano").label_smoothing > 0
    assert recipe.of("nano", voted=True).label_smoothing == 0
