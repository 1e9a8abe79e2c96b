"""The stopwatch of a repair: what other programs compute does not count, its own processes do."""

import pytest

from fer_export.exporting import repair


@pytest.mark.parametrize(
    ("passed", "computed", "ended", "seconds"),
    [(10, 14, 0, 10), (10, 10, 0, 10), (30, 14, 0, 14), (30, 2, 0, 10), (30, 2, 20, 22)],
    ids=["two cores", "one core", "busy machine", "waiting", "a process of its own"],
)
def test_time_that_other_programs_took_does_not_count(passed, computed, ended, seconds, monkeypatch):
    clock, processors = [100.0], [5.0, 1.0, 2.0, 0.5, 100.0]
    monkeypatch.setattr(repair.time, "perf_counter", lambda: clock[0])
    monkeypatch.setattr(repair.os, "times", lambda: tuple(processors))
    watch = repair.Stopwatch()
    clock[0] += passed
    processors[0] += computed
    processors[2] += ended
    assert watch.seconds == seconds
