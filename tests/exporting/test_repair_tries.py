"""Repair's tries: separable convolutions whole or not, how many layers stay in float, and when it gives up."""

from __future__ import annotations

from dataclasses import replace

import pytest
from keras import activations, layers

from fer_export.convert import tflite
from fer_export.exporting import repair
from fer_export.exporting.blame import Blame
from fer_export.exporting.layer_errors import LayerError
from fer_export.parity.statistics import Proportion
from fer_export.report.text.blame import repair_text
from helpers.networks import classifier
from helpers.repair import ALWAYS, INT8, NEVER, case


@pytest.fixture(scope="module")
def given(tmp_path_factory):
    """A network with a separable convolution."""
    network = classifier(lambda x: layers.SeparableConv2D(8, 3, activation="relu", name="apart")(x))
    return case(network, tmp_path_factory.mktemp("apart"))


def layer_error(name, on_grid=0.0):
    """A layer whose weights add an error, but for the share that its grid adds."""
    return LayerError(name, 1, False, ("CONV_2D",), 8, 0.1, 0.1, 0.1, 0.1, on_grid, (), ())


def ranked(*errors):
    """Blame that finds these errors."""
    return Blame("model", INT8, "made faces", 32, Proportion(30, 32), 0.1, errors)


@pytest.fixture
def pretends(given):
    """A converter that gives the same file always; and the layers that it should have kept in float, in order."""
    kept = []

    class Pretends(tflite.Converter):
        def convert(self, variant, calibration=None, float_layers=()):
            kept.append(float_layers)
            return given.content

    return Pretends(given.checkpoint), kept


@pytest.fixture
def ranking(given, pretends, monkeypatch):
    """Ten layers with errors, and a repair that passes where enough of them stay in float; what it kept, in order."""
    blamed = ranked(*(layer_error(f"layer_{number}") for number in range(10)))
    monkeypatch.setattr(repair.blame, "measure", lambda *arguments, **named: blamed)
    passed, failed = given.judge(given.content, ALWAYS), given.judge(given.content, NEVER)
    converter, kept = pretends

    def repaired(needed, **limits):
        result = repair.repair(
            given.content,
            given.checkpoint,
            given.calibrated,
            lambda content: passed if len(kept[-1]) >= needed else failed,
            converter=converter,
            limits=repair.Limits(**limits),
        )
        return result, kept

    return repaired


@pytest.mark.parametrize(
    ("needed", "tries", "asked"),
    [(1, 8, [1]), (3, 8, [1, 4, 2, 3]), (5, 8, [1, 4, 10, 7, 5]), (5, 3, [1, 4, 10]), (99, 8, [1, 4, 10])],
)
def test_the_number_of_layers_grows_until_a_file_passes_then_lowered(ranking, needed, tries, asked):
    result, kept = ranking(needed, tries=tries)
    assert [len(layers) for layers in kept] == [len(each.float_layers) for each in result.tries] == asked
    assert all(layers == tuple(f"layer_{number}" for number in range(len(layers))) for layers in kept)
    fewest = min((count for count in asked if count >= needed), default=None)
    assert (len(result.kept.float_layers) if result.kept else None) == fewest
    assert result.passed == (fewest is not None)


@pytest.mark.parametrize(
    ("softmax", "first"),
    [
        ({"flips": 0.02}, "answers"),
        ({"flips": 0.02, "ops": ("LOGISTIC",), "added": True}, "answers"),
        ({"flips": 0.02, "ops": ("LOGISTIC",)}, "before"),
        ({"flips": 0.0}, "before"),
        ({"flips": 0.02, "effect": 0.0}, "before"),
    ],
    ids=["changes answers", "sigmoid", "sigmoid inside", "changes none", "no effect"],
)
def test_a_softmax_that_changes_answers_is_kept_before_the_worst_layer(given, pretends, monkeypatch, softmax, first):
    last = replace(layer_error("answers"), **{"ops": ("SOFTMAX",), **softmax})
    monkeypatch.setattr(repair.blame, "measure", lambda *arguments, **named: ranked(layer_error("before"), last))
    converter, kept = pretends
    failed = given.judge(given.content, NEVER)
    repair.repair(given.content, given.checkpoint, given.calibrated, lambda content: failed, converter=converter)
    assert kept[0] == (first,)
    assert len(kept) == (2 if softmax.get("effect", 1.0) else 1)


@pytest.mark.parametrize(("answers", "op"), [("softmax", "SOFTMAX"), ("sigmoid", "LOGISTIC")])
def test_steps_of_the_answers_are_repaired_without_weights_in_float(answers, op, tmp_path):
    """Nearly equal probabilities: two emotions fall on one of the 256 steps, and everything else is right."""
    network = classifier(lambda x: layers.Flatten()(layers.Conv2D(8, 3, activation="relu")(x)))
    network.layers[-1].activation = activations.get(answers)
    network.layers[-1].set_weights([weight * 0.05 for weight in network.layers[-1].get_weights()])
    unsure = case(network, tmp_path)
    result = repair.repair(unsure.content, unsure.checkpoint, unsure.calibrated, unsure.judge)
    assert result.kept.float_layers == (f"{network.layers[-1].name}_{answers}",)
    # The dense layer's weights would be 28 kB more; names and alignment are a few bytes.
    assert abs(result.kept.bytes - len(unsure.content)) < 64
    assert f"_{answers}: 1 op ({op}); " in repair_text(result)


@pytest.mark.parametrize(("needed", "asked"), [(1, [1]), (3, [1, 4]), (5, [1, 4, 10])])
def test_tries_go_on_longer_as_long_as_none_passes(ranking, monkeypatch, needed, asked):
    """Each try takes ten of twenty seconds: two are made, or three where nothing has passed by then."""
    times = iter([0, *range(0, 1000, 10)])
    clock = type("Clock", (), {"seconds": property(lambda self: float(next(times)))})
    monkeypatch.setattr(repair, "Stopwatch", clock)
    result, kept = ranking(needed, seconds=20.0)
    assert [len(layers) for layers in kept] == asked
    assert result.passed


@pytest.mark.parametrize(
    ("errors", "floats", "whole"),
    [
        ((layer_error("apart", 0.9),), True, ("apart",)),
        ((layer_error("before"), layer_error("apart", 0.6)), True, ("apart",)),
        ((layer_error("apart", 0.2),), True, ()),
        ((layer_error("apart", 0.2),), False, ("apart",)),
        ((layer_error("before", 0.9), layer_error("behind"), layer_error("apart", 0.9)), True, ()),
        ((replace(layer_error("before"), effect=0.0), layer_error("apart", 0.9)), True, ("apart",)),
    ],
    ids=["range", "second", "weights", "no floats", "third", "no effect"],
)
def test_convolutions_are_whole_where_a_range_errs_most_or_nothing_else_helps(
    given, pretends, monkeypatch, errors, floats, whole
):
    monkeypatch.setattr(repair.blame, "measure", lambda *arguments, **named: ranked(*errors))
    result = repair.repair(
        given.content,
        given.checkpoint,
        given.calibrated,
        lambda content: given.judge(content, NEVER),
        converter=pretends[0],
        limits=repair.Limits(tries=1),
        floats=floats,
    )
    assert tuple(name for tried in result.tries for name in tried.whole_layers) == whole


@pytest.mark.slow
def test_a_recurrent_layer_stays_in_float(tmp_path):
    """Its steps are unrolled and unpacked: more ops than are listed one by one."""
    recurrent = case(classifier(lambda x: layers.GRU(4, name="steps")(layers.Reshape((4, 64))(x))), tmp_path)
    result = repair.repair(
        recurrent.content,
        recurrent.checkpoint,
        recurrent.calibrated,
        lambda content: recurrent.judge(content, ALWAYS),
        limits=repair.Limits(tries=1),
    )
    assert result.kept is not None
    assert "steps" in result.kept.float_layers
    assert len(result.kept.float_ops) > 24
    [line] = [line for line in repair_text(result).splitlines() if line.startswith("in float: ")]
    assert " ADD" in line
    assert "ADD, ADD" not in line
