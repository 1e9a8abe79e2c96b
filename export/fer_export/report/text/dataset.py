"""Networks and data sets on the console: evaluation, counts, duplicates."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...harmless import harmless
from .network import known_lines, worth_lines
from .table import count, percent, table, with_interval

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ...dataset import Summary, VoteSummary
    from ...parity import Evaluation


def evaluation_text(result: Evaluation) -> str:
    """The printout of `fer-export evaluate`: accuracy, recall, confusion matrix, calibration error."""
    header = ["true \\ predicted", *result.labels, "faces", "recall (95 % interval)"]
    rows = [
        [name, *map(str, row), str(recall.count), with_interval(recall) if recall.count else "-"]
        for name, row, recall in zip(result.labels, result.confusion, result.recall, strict=True)
    ]
    known = f"{known_lines(result.checkpoint)}\n\n" if result.checkpoint else ""
    worth = worth_lines(result.usefulness)
    return (
        f"{harmless(f'{result.model} on {result.split} of {result.data}')}: {result.accuracy.count:,} faces\n\n"
        f"{known}accuracy                    {with_interval(result.accuracy)}, 95 % Wilson interval\n"
        f"expected calibration error  {percent(result.expected_calibration_error)}\n"
        f"log loss                    {result.log_loss:.3f}\n\n{table(header, rows)}"
        + (f"\n\n{worth}" if worth else "")
    )


def data_text(summary: Summary) -> str:
    """The printout of `fer-export data`: counts by split and emotion, duplicates."""
    found = summary.duplicates
    header = ["split", *summary.emotions, "faces"]
    rows = [
        [split, *map(count, counts.values()), count(sum(counts.values()))] for split, counts in summary.counts.items()
    ]
    rows.append(["all", *map(count, summary.emotions.values()), count(summary.faces)])
    copies = ["split", "exact copies of earlier splits", "near copies", "of these mirrored", "repeats within the split"]
    splits = [
        [
            split,
            *(
                count(counts[split]) if split in counts else "-"
                for counts in (found.exact, found.near, found.near_mirrored)
            ),
            count(found.exact_within.get(split, 0)),
        ]
        for split in summary.counts
    ]
    return (
        f"{harmless(summary.source)}  (sha256 {summary.sha256[:16]}...)\n\n{table(header, rows)}\n\n"
        f"duplicates, in faces (near: the same photo moved, lit or encoded otherwise; a lower bound)\n"
        f"{table(copies, splits)}\n"
        f"{count(found.pictures_contradictory)} pictures carry different emotions in different copies "
        f"({count(found.faces_contradictory)} faces)"
    )


def votes_text(splits: Sequence[VoteSummary]) -> str:
    """FER+ votes of each split: majorities, agreement with 2013's labels, entropy."""
    header = ["split", *splits[0].emotions, "majority", "without", "2013's label agrees", "entropy"]
    rows = [
        [
            split.split,
            *map(count, split.emotions.values()),
            count(split.majority),
            count(split.faces - split.majority),
            percent(split.agreeing / split.majority) if split.majority else "-",
            f"{split.entropy:.2f} bits",
        ]
        for split in splits
    ]
    return (
        "FER+ votes, in faces: single votes removed; a majority is more than half of what is left; faces without one "
        f"do not judge\n{table(header, rows)}"
    )
