"""The README of a bundle: what is in it and complete snippets that run the default variant."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from ..contract import FORMATS, PhotoContract, find
from ..harmless import harmless
from ..model_file import tflite_versions
from .golden.photos import PORTRAIT_CREDIT
from .manifest import BundledVariant


@dataclass(frozen=True)
class Snippet:
    """Source for the files of a format that the README itself shows no source for."""

    place: str
    """Of the source in the bundle."""

    file: str
    """The first of these files, which it runs."""

    @property
    def source(self) -> str:
        """The template of the source."""
        return f"snippets/{PurePosixPath(self.place).name}.jinja"

    @property
    def chapter(self) -> str:
        """The template of its chapter in the README."""
        return f"snippets/{PurePosixPath(self.place).name}.md.jinja"


def render(
    model: str, contract: PhotoContract, variants: Sequence[BundledVariant], models: Mapping[str, bytes]
) -> bytes:
    """README.md; the same bytes for the same bundle.

    variants: the default, a TFLite file, first.
    models: by file.
    """
    rows = [
        {
            "file": variant.file,
            "label": find(variant.format, variant.precision).label,
            "megabytes": f"{len(models[variant.file]) / 1e6:.2f}",
            "agreement": _percent(variant.agreement["value"]),
            "accuracy": _percent(variant.accuracy["value"]) if variant.accuracy else "not measured",
        }
        for variant in variants
    ]
    text: str = _template("readme.md.jinja").render(
        model=model,
        snippets=_snippets(variants),
        contract=contract,
        rows=rows,
        default=variants[0].file,
        oldest=tflite_versions.oldest(models[variants[0].file]),
        judged_on=variants[0].agreement["on"],
        credit=PORTRAIT_CREDIT,
    )
    return text.encode()


def sources(model: str, contract: PhotoContract, variants: Sequence[BundledVariant]) -> dict[str, bytes]:
    """Source files by their place, for the formats whose row names one; empty without any."""
    found: dict[str, bytes] = {}
    for snippet in _snippets(variants):
        text: str = _template(snippet.source).render(model=model, contract=contract, file=snippet.file)
        found[snippet.place] = text.encode()
    return found


def _snippets(variants: Sequence[BundledVariant]) -> tuple[Snippet, ...]:
    first = {variant.format: variant.file for variant in reversed(variants)}
    return tuple(Snippet(FORMATS[name].snippet, file) for name, file in first.items() if FORMATS[name].snippet)


def _template(name: str) -> Any:
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent),
        # Markdown and Swift, not HTML.
        autoescape=False,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        finalize=lambda value: harmless(value, keep="\n") if isinstance(value, str) else value,
    )
    return environment.get_template(name)


def _percent(share: float) -> str:
    return f"{100 * share:.2f} %"
