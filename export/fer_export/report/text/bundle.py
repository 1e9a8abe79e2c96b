"""Bundles as text: what was made, and what a replay found."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...harmless import harmless
from .network import known_lines, worth_lines
from .next_commands import NONE, Flags
from .parity import caveats, verdict
from .table import megabytes, percent, table

if TYPE_CHECKING:
    from ...bundle import Made, Verification
    from ...exporting import ExportedFile

_REPAIRED = "keeps the worst layers of an int8 file in float"


def bundle_text(made: Made, flags: Flags = NONE) -> str:
    """The printout of `fer-export bundle`: variants, golden vectors, where it lies; or which gate failed.

    flags: those of the command itself.
    """
    verdicts = "\n".join(verdict(file.path.name, file.parity) for file in made.export.files)
    if made.manifest is None or made.golden is None:
        given = f"{flags.model}{flags.data}{flags.making}"
        next_commands = [] if made.export.options.repair else [f"bundle{given}   {_REPAIRED}"]
        if not flags.data:
            next_commands.append(f"bundle{given} --data fer2013.csv   calibrates and judges on real faces")
        commands = "".join(f"\n  fer-export {command}" for command in next_commands)
        worth = worth_lines(made.export.judge.usefulness)
        if worth and not made.export.network_passed:
            check = f"evaluate{flags.model}{flags.data}   what the network answers, emotion by emotion"
            return (
                f"{known_lines(made.export.checkpoint, flags)}\n\n{worth}\n\nno bundle was written\n"
                f"next:\n  fer-export {check}"
            )
        return f"{verdicts}\n\nno bundle was written: a variant missed its gate\nnext:{commands}"
    photos = made.golden.photos
    faces, vectors = sum(len(photo.faces) for photo in photos), sum(len(photo.crops) for photo in photos)
    kernels = table(
        ["golden vectors", "kernels", "allowed", "elsewhere"],
        [
            [variant.file, variant.kernels, f"{variant.tolerance:.2g}", f"{variant.elsewhere:.2g}"]
            for variant in made.golden.variants
        ],
    )
    said = "".join(f"{line}\n\n" for line in caveats(file.runtime for file in made.export.files))
    return (
        f"{table(['variant', 'size', 'agreement', 'accuracy'], [_row(file) for file in made.export.files])}\n"
        f"{known_lines(made.export.checkpoint, flags)}\n"
        f"judged on {made.export.files[0].parity.faces:,} {made.export.files[0].parity.source}\n\n"
        f"{verdicts}\n\n{said}{kernels}\n"
        f"{len(photos)} photos, {faces} faces found, {vectors} vectors\n\n"
        f"{len(made.manifest.files) + 1} files, {megabytes(made.bytes)}, sha256 {made.digest}\n"
        f"written to {', '.join(harmless(place) for place in made.places)}\n"
        f"took {made.seconds:.1f} s\nnext:\n  fer-export verify {made.places[0]}   replay it\n"
        f"  fer-export predict PHOTO --bundle {made.places[0]}   emotions of a photo"
    )


def verification_text(result: Verification) -> str:
    """The printout of `fer-export verify`: figures of the replay, or the first difference."""
    if result.difference is not None:
        return f"DIFFERS  {harmless(result.folder)}: {harmless(result.difference)}"
    rows = [
        [each.file, each.kernels, _runtime(each.runtime, each.recorded), f"{each.allowed:.2g}", f"{each.largest:.2g}"]
        for each in result.replayed
    ]
    return (
        f"{harmless(result.model)}: {result.files} files, {megabytes(result.bytes)}, every SHA-256 as listed\n"
        f"{result.photos} photos, {result.faces} faces found, boxes at most {result.largest_box} pixels off\n"
        f"{result.vectors} grey faces, every byte as recorded\n\n"
        f"{table(['file', 'kernels', 'runtime', 'allowed', 'largest diff'], rows)}\n\n"
        f"VERIFIED  {harmless(result.folder)}"
    )


def _row(file: ExportedFile) -> list[str]:
    accuracy = file.parity.file_accuracy
    return [
        file.path.name,
        megabytes(file.bytes),
        percent(file.parity.agreement.value, 2),
        percent(accuracy.value) if accuracy else "no labels",
    ]


def _runtime(here: str, recorded: str) -> str:
    return here if here == recorded else f"{here}, recorded with {recorded}"
