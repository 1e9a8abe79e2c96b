"""Any result as text, and as HTML for a notebook."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from markupsafe import Markup, escape

from ..bundle import DeviceTable, Made, Verification
from ..dataset import Summary
from ..exporting import Blame, Comparison, Export
from ..latency import Bench
from ..model_file import FileInfo
from ..parity import Evaluation, Judgement
from ..predict import PhotoResults, VideoResult
from ..system import Examination
from .text import (
    all_formats,
    bench,
    blame,
    bundle,
    dataset,
    doctor,
    export,
    model_file,
    parity,
    phone,
    predict,
    table,
    video,
)

TEXTS: dict[type, Callable[[Any], str]] = {
    Bench: bench.bench_text,
    Blame: blame.blame_text,
    Comparison: all_formats.comparison_text,
    DeviceTable: phone.device_text,
    Evaluation: dataset.evaluation_text,
    Examination: doctor.doctor_text,
    Export: export.export_text,
    FileInfo: model_file.inspect_text,
    Judgement: parity.parity_text,
    Made: bundle.bundle_text,
    PhotoResults: predict.predict_text,
    Summary: dataset.data_text,
    Verification: bundle.verification_text,
    VideoResult: video.video_text,
}
"""What prints each kind of result."""


def text(result: object) -> str:
    """The printout of the command that gives such a result."""
    return TEXTS[type(result)](result)


def html(result: object) -> str:
    """The printout for a notebook: its tables as HTML tables, the lines around them as they are."""
    with table.collected() as tables:
        said = text(result)
    page = str(escape(said))
    for header, rows, written in tables:
        page = page.replace(str(escape(written)), f"</pre>{_table(header, rows)}<pre>", 1)
    return f"<pre>{page}</pre>".replace("<pre>\n", "<pre>").replace("<pre></pre>", "")


def _table(header: list[str], rows: list[list[str]]) -> str:
    cells = functools.partial(_row, "td")
    return f"<table><thead>{_row('th', header)}</thead><tbody>{''.join(map(cells, rows))}</tbody></table>"


def _row(tag: str, cells: list[str]) -> str:
    return "<tr>" + "".join(Markup("<{0}>{1}</{0}>").format(Markup(tag), cell) for cell in cells) + "</tr>"
