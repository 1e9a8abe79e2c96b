"""The comparison as one HTML page that needs nothing else: no script, no network, no other file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from markupsafe import Markup

from ...harmless import harmless
from .columns import interval, percent, signed, signed_interval
from .view import View

if TYPE_CHECKING:
    from ...exporting import Comparison


def page(result: Comparison, model_flags: str | None = None) -> str:
    """The whole page; the same text for the same comparison.

    model_flags: how the network was named on the command line, for the commands to repeat (` --model mine.keras`); by
        default what the checkpoint remembers of it.
    """
    import jinja2

    folder = Path(__file__).parent
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(folder),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        finalize=_finalized,
    )
    environment.filters.update(percent=percent, signed=signed, interval=interval, signed_interval=signed_interval)
    style = Markup((folder / "page.css").read_text(encoding="utf-8"))
    template = environment.get_template("page.html.jinja")
    return template.render(view=View(result, model_flags), result=result, style=style)


def _finalized(value: Any) -> Any:
    """Text of the result as it may stand in a page; markup is ours, of text that was made harmless before."""
    return harmless(value, keep="\n") if isinstance(value, str) and not isinstance(value, Markup) else value
