"""Phones as text: one table with the rows of a benchmark, and what each self-check found."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from ...bundle import name_of
from .table import percent, table

if TYPE_CHECKING:
    from ...bundle import DeviceCheck, DeviceTable, Row

LEGEND = (
    "p50, p95: percentiles of one inference; of fp32: p50 over that of the fp32 file on the same device",
    "agreement, difference: top-1 and largest difference of a probability, against the bundle's golden vectors",
)

_HEADER = (
    *("file", "device", "runtime", "threads", "p50 ms", "p95 ms", "of fp32"),
    *("agreement", "difference", "within tolerance", "CPU", "ABI"),
)


def device_text(result: DeviceTable) -> str:
    """The printout of `fer-export device`."""
    bundles = {check.bundle for check in result.checks}
    cautions = ["caution: the phones checked different bundles"] if len(bundles) > 1 else []
    parts = ("\n".join(map(_found, result.checks)), _table(result.rows), "\n".join((*LEGEND, *cautions)))
    return "\n\n".join(parts)


def _found(check: DeviceCheck) -> str:
    """The verdict, figures that are not in the table, and what failed."""
    photos = check.photos
    figures = (
        f"{photos.equal_photos} of {photos.photos} photos and {photos.equal_crops} of {photos.crops} crops equal, "
        f"{photos.faces} faces ({photos.missing_faces} missing, {photos.foreign_faces} foreign), "
        f"boxes at most {photos.box_distance} pixels off"
    )
    off = [] if photos.passed else ["photos"]
    off += [each.file for each in check.variants if not each.within_tolerance]
    off += [] if check.variants else ["no variant was run"]
    verdict = "PASSED" if check.passed else "FAILED"
    return "\n".join(
        [
            f"{verdict}  {check.device.model}, {check.device.os}; {check.kernels}; bundle {check.bundle[:12]}",
            f"        {figures}",
            *([f"        not as in Python: {', '.join(off)}"] if off else []),
        ]
    )


def _table(rows: tuple[Row, ...]) -> str:
    alike = Counter(map(_place, rows))
    return table(_HEADER, [_cells(row, row.file if alike[_place(row)] > 1 else name_of(row)) for row in rows])


def _place(row: Row) -> tuple[object, ...]:
    return name_of(row), row.device, row.runtime, row.threads


def _cells(row: Row, name: str) -> list[str]:
    return [
        name,
        row.device or "-",
        row.runtime,
        str(row.threads),
        _milliseconds(row.p50_ms),
        _milliseconds(row.p95_ms),
        "-" if row.float_ratio is None else f"{row.float_ratio:.2f} x",
        "-" if row.agreement is None else percent(row.agreement),
        "-" if row.largest_difference is None else f"{row.largest_difference:.2g}",
        "-" if row.within_tolerance is None else "yes" if row.within_tolerance else "NO",
        row.cpu or "-",
        row.abi or "-",
    ]


def _milliseconds(value: float) -> str:
    return f"{value:.0f}" if value >= 100 else f"{value:.3g}" if value >= 1 else f"{value:.3f}"
