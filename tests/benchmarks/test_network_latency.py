"""The front of accuracy against latency."""

from benchmarks.speed.network_latency import front


def test_the_front_holds_what_no_other_beats():
    points = {"slow": (0.5, 70.0), "fast": (0.1, 67.0), "dominated": (0.3, 66.0), "as fast": (0.0999, 60.0)}
    assert front(points) == ["fast", "slow"]
