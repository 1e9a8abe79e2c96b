"""The README of a bundle: what is in it and complete snippets that run the default variant."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ..contract import FORMATS, PhotoContract, find
from ..harmless import harmless
from ..model_file import tflite_versions
from .golden.photos import PORTRAIT_CREDIT
from .manifest import BundledVariant

SWIFT = "swift/Emotions.swift"
"""Its place in a bundle."""


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
        package=_package(variants),
        contract=contract,
        rows=rows,
        default=variants[0].file,
        oldest=tflite_versions.oldest(models[variants[0].file]),
        judged_on=variants[0].agreement["on"],
        credit=PORTRAIT_CREDIT,
    )
    return text.encode()


def apple(model: str, contract: PhotoContract, variants: Sequence[BundledVariant]) -> dict[str, bytes]:
    """The Swift file of a bundle with Core ML packages, by its place; empty without any."""
    package = _package(variants)
    if package is None:
        return {}
    text: str = _template("emotions.swift.jinja").render(model=model, contract=contract, package=package)
    return {SWIFT: text.encode()}


def _package(variants: Sequence[BundledVariant]) -> str | None:
    """The first Core ML package."""
    return next((variant.file for variant in variants if FORMATS[variant.format].folder), None)


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
