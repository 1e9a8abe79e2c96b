import math

import keras
import pytest

from fer_export.errors import UsageError
from fer_export.training.networks import NETWORKS, build

# REPORT.md's table; it prints 453,303 for report-128, which its own layers do not give.
TRAINABLE = {
    ("report-64", 7): 147_015,
    ("report-128", 7): 455_303,
    ("report-256", 7): 1_243_527,
    ("report-512", 7): 2_622_599,
    ("report-512", 6): 2_622_086,
}


@pytest.mark.parametrize(("name", "classes"), TRAINABLE)
def test_trainable_parameters_are_the_reports(name, classes):
    network = build(name, classes)
    assert sum(weight.shape.num_elements() for weight in network.trainable_variables) == TRAINABLE[name, classes]
    assert network.output_shape == (None, classes)


def test_compact_networks_keep_to_their_budget():
    compact, slim, nano = build("compact", 7), build("slim", 7), build("nano", 7)
    assert compact.count_params() <= 1_300_000
    assert multiply_adds(compact) <= 110e6
    assert multiply_adds(slim) <= 0.6 * multiply_adds(compact)
    assert nano.count_params() <= 130_000
    # Every convolution folds its batch norm: it has no bias of its own and is read by the norm alone.
    for network in (compact, slim, nano):
        for layer in network.layers:
            if isinstance(layer, keras.layers.Conv2D):
                assert not layer.use_bias
                [node] = layer._outbound_nodes
                assert isinstance(node.operation, keras.layers.BatchNormalization)


def multiply_adds(network):
    total = 0
    for layer in network.layers:
        if isinstance(layer, keras.layers.Conv2D):
            total += math.prod(layer.output.shape[1:3]) * math.prod(layer.kernel.shape)
        elif isinstance(layer, keras.layers.Dense):
            total += math.prod(layer.kernel.shape)
    return total


def test_unknown_names_are_refused():
    with pytest.raises(UsageError, match=", ".join(NETWORKS)):
        build("report-1024", 7)
    with pytest.raises(UsageError, match="choose 6, 7, or 8"):
        build("report-64", 9)
