"""The README of a bundle: what is in it and complete snippets that run the default variant."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from ..contract import PhotoContract, find
from ..harmless import harmless
from ..model_file import tflite_versions
from .golden.photos import PORTRAIT_CREDIT
from .manifest import BundledVariant


def render(
    model: str, contract: PhotoContract, variants: Sequence[BundledVariant], models: Mapping[str, bytes]
) -> bytes:
    """README.md; the same bytes for the same bundle.

    variants: the default, a TFLite file, first.
    models: by file.
    """
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent),
        # Markdown, not HTML.
        autoescape=False,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        finalize=lambda value: harmless(value, keep="\n") if isinstance(value, str) else value,
    )
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
    template = environment.get_template("readme.md.jinja")
    text = template.render(
        model=model,
        contract=contract,
        rows=rows,
        default=variants[0].file,
        oldest=tflite_versions.oldest(models[variants[0].file]),
        judged_on=variants[0].agreement["on"],
        credit=PORTRAIT_CREDIT,
    )
    return text.encode()


def _percent(share: float) -> str:
    return f"{100 * share:.2f} %"
