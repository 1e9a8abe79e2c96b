import pytest

from fer_export.errors import UsageError
from fer_export.networks import NETWORKS, build

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


def test_unknown_names_are_refused():
    with pytest.raises(UsageError, match=", ".join(NETWORKS)):
        build("report-1024", 7)
    with pytest.raises(UsageError, match="--classes 6"):
        build("report-64", 8)
