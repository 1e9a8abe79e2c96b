"""Drawings of matplotlib as bytes: PNG for files, SVG whose colours are a style sheet's for pages.

No window is opened, and matplotlib's settings are put back.
"""

from __future__ import annotations

import contextlib
import io
import re
import warnings
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, unquote

from markupsafe import Markup

from ..harmless import harmless

if TYPE_CHECKING:
    from matplotlib.figure import Figure

DOTS = 72.0
"""Dots an inch of an SVG figure, so that its units are dots."""

_SETTINGS: Any = {"svg.fonttype": "none", "text.parse_math": False, "font.family": "DejaVu Sans"}

_NOT_FOR_PAGES = re.compile(
    r"<\?xml.*?\?>|<!DOCTYPE.*?>|<!--.*?-->|<metadata>.*?</metadata>|<defs>.*?</defs>"
    r'|\s(?:clip-path="url\([^"]*\)"|id="[^"|]*"|xmlns(?::\w+)?="[^"]*")',
    re.DOTALL,
)
_FONT = re.compile(r"font(?:-family)?: (?:(?P<weight>\d+ )?(?P<size>[\d.]+)px )?'DejaVu Sans'[^;\"]*;?\s*")
_EXACT = re.compile(r' transform="rotate\(-0 [^"]*\)"|(?<=\d\.\d\d)\d+')
_NAMED = re.compile(r'<g id="([^"|]*)\|([^"]*)">')


@contextlib.contextmanager
def settings() -> Iterator[None]:
    """matplotlib as the drawings need it: figures are made and saved in here."""
    import matplotlib

    with warnings.catch_warnings(), matplotlib.rc_context(_SETTINGS):
        warnings.simplefilter("ignore")  # a name in letters that matplotlib's font lacks: the page has its own fonts
        yield


def png(figure: Figure) -> bytes:
    """The figure as a PNG file; the same bytes for the same figure."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", metadata={"Software": None})
    return buffer.getvalue()


def colour(role: int) -> str:
    """A colour that stands for the place of a variable in the list that `svg` is given."""
    return f"#0000{role + 1:02x}"


def named(kind: str, tooltip: str = "") -> str:
    """The identifier of a part that `svg` gives a class and a tooltip."""
    return f"{kind}|{quote(harmless(tooltip))}"


def svg(figure: Figure, alternative: str, variables: list[str]) -> Markup:
    """The figure as an `<svg>` of a page, in the page's fonts and colours.

    alternative: what a screen reader says instead.
    variables: CSS variables; `colour(i)` becomes the i-th.

    Call it inside `settings()`. Parts whose identifier is of `named` get the class and the tooltip.
    """
    buffer = io.StringIO()
    left_out: dict[str, Any] = dict.fromkeys(("Creator", "Date", "Format", "Type"))
    figure.savefig(buffer, format="svg", transparent=True, metadata=left_out)
    text = _NOT_FOR_PAGES.sub("", buffer.getvalue())
    for place, name in enumerate(variables):
        text = text.replace(colour(place), f"var(--{name})")
    text = _FONT.sub(_without_family, text)
    text = _NAMED.sub(_with_tooltip, text)
    width, height = (f"{DOTS * side:g}" for side in figure.get_size_inches())
    opened = Markup('<svg viewBox="0 0 {} {}" role="img" aria-label="{}">').format(width, height, harmless(alternative))
    body = re.sub(r"\s*\n\s*", "\n", text[text.index(">", text.index("<svg")) + 1 :])
    # Of matplotlib's own words, escaped by it.
    return opened + Markup(_EXACT.sub("", body).strip())


def _without_family(found: re.Match[str]) -> str:
    weight = f"font-weight: {found['weight'].strip()}; " if found["weight"] else ""
    return f"{weight}font-size: {found['size']}px; " if found["size"] else ""


def _with_tooltip(found: re.Match[str]) -> str:
    words = Markup("<title>{}</title>").format(unquote(found[2])) if found[2] else ""
    return f'<g class="{found[1]}">{words}'


def plain(axes: Any, ink: str, line: str, muted: str) -> None:
    """Axes of a page: a line below, lines across, words in its colours."""
    axes.set_facecolor("none")
    for side in ("left", "right", "top"):
        axes.spines[side].set_visible(False)
    axes.spines["bottom"].set_color(muted)
    axes.grid(axis="y", color=line, linewidth=1)
    axes.set_axisbelow(True)
    axes.tick_params(left=False, bottom=False, which="both", labelcolor=muted, labelsize=11)
    axes.minorticks_off()
    for label in (axes.xaxis.label, axes.yaxis.label):
        label.set_color(ink)
        label.set_fontsize(12)
