"""Progress without a terminal: a line every ten seconds, with the time left of the task that runs."""

from fer_export.cli import progress_bar


def test_the_time_left_is_that_of_the_file_that_is_judged_now(monkeypatch, capsys):
    now = [0.0]
    monkeypatch.setattr(progress_bar.time, "monotonic", lambda: now[0])
    with progress_bar.Bar() as bar:
        for _ in range(2):  # two files, under the name of one task
            for done in range(0, 101, 10):
                bar.step("parity", done, 100)
                now[0] += 4
    said = capsys.readouterr().err.splitlines()
    half = len(said) // 2
    assert said[:half] == said[half:]
    assert said[0] == "parity: 30%, 28 s left"


def test_short_tasks_and_quiet_commands_say_nothing(capsys):
    with progress_bar.Bar() as bar:
        bar.step("parity", 1, 2)
    with progress_bar.Bar(quiet=True) as bar:
        bar.line("words")
    assert capsys.readouterr().err == ""
