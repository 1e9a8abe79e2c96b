"""The gate on parity: the limits a file misses, and what so many faces can and cannot confirm.

The limits judge the figures themselves. The cautions say how sure those figures are; they change no exit code.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING

from .statistics import paired_difference_interval, wilson_interval

if TYPE_CHECKING:
    from .figures import Parity

SIGNIFICANT = 0.05


def failures(parity: Parity) -> tuple[str, ...]:
    """Each missed limit of the gate in words."""
    gate, missed = parity.gate, []
    # `not >=` rather than `<`: a NaN among the figures must fail.
    if not parity.agreement.value >= gate.min_agreement:
        missed.append(f"agreement {100 * parity.agreement.value:.2f} % is under {100 * gate.min_agreement:g} %")
    if parity.drop is not None and not parity.drop <= gate.max_drop:
        missed.append(f"accuracy drop {parity.drop:.2f} points is over {gate.max_drop:g}{_chance(parity)}")
    if math.isnan(parity.mean_difference):
        missed.append("some of its probabilities are not numbers (NaN)")
    elif not parity.mean_difference <= gate.max_mean_difference:
        missed.append(f"mean probability difference {parity.mean_difference:.2g} is over {gate.max_mean_difference:g}")
    tested = [each for each in parity.recalls or () if each.faces]
    missed += [
        f"recall of {each.label} fell by {each.drop:.1f} points, over {gate.max_recall_drop:g}"
        for each in tested
        if each.drop > gate.max_recall_drop and each.mcnemar_p * len(tested) < SIGNIFICANT
    ]
    return tuple(missed)


def cautions(parity: Parity) -> tuple[str, ...]:
    """What the figures cannot confirm, and what the gate does not check: one short sentence each."""
    if math.isnan(parity.mean_difference):
        return ()
    return (*_agreement_cautions(parity), *_drop_cautions(parity), *_recall_cautions(parity))


def _chance(parity: Parity) -> str:
    p = parity.mcnemar_p
    if p is None or p < SIGNIFICANT or not parity.drop or parity.drop < 0:
        return ""
    return f" (p = {p:.2g}: chance alone can give such a drop; judge on more faces)"


def _agreement_cautions(parity: Parity) -> list[str]:
    agreement, limit = parity.agreement, parity.gate.min_agreement
    low, high = agreement.interval
    if not low < limit <= high:
        return []
    interval = f"{100 * low:.2f}-{100 * high:.2f}"
    if not 0 < 1 - limit < high - low:
        share = f"{100 * agreement.value:.2f} %"
        return [f"agreement {share} ({interval}) cannot be distinguished from the gate's {100 * limit:g} %"]

    def width(count: float) -> float:
        lower, upper = wilson_interval(agreement.value * count, count)
        return upper - lower

    needed = _faces_until(width, 1 - limit, parity.faces)
    return [
        f"{parity.faces:,} faces are too few to confirm an agreement of {100 * limit:g} %: its 95 % interval is "
        f"{interval} %; about {needed:,} faces are enough" + ("" if parity.flips else " (`data` takes real ones)")
    ]


def _drop_cautions(parity: Parity) -> list[str]:
    drop, p, flips, limit = parity.drop, parity.mcnemar_p, parity.flips, parity.gate.max_drop
    if drop is None or p is None or flips is None or parity.drop_interval is None:
        return []
    said = []
    low, high = parity.drop_interval
    interval, wide = f"{low:+.2f} to {high:+.2f}", 0 < limit < high - low
    if low <= limit < high and wide:
        lost, gained = flips.right_to_wrong / parity.faces, flips.wrong_to_right / parity.faces

        def width(count: float) -> float:
            lower, upper = paired_difference_interval(lost * count, gained * count, count)
            return 100 * (upper - lower)

        said.append(
            f"{parity.faces:,} faces are too few to confirm a drop of at most {limit:g} points: its 95 % interval is "
            f"{interval}; about {_faces_until(width, limit, parity.faces):,} faces are enough"
        )
    elif low <= limit < high:
        said.append(f"drop {drop:+.2f} points ({interval}) cannot be distinguished from the gate's {limit:g}")
    elif wide and (high <= limit or p < SIGNIFICANT):
        end = "upper end is within" if high <= limit else "lower end is over"
        said.append(
            f"the drop's 95 % interval, {interval}, is wider than {limit:g} points, but even its {end} the gate"
        )
    if 0 < drop <= limit and p < SIGNIFICANT:
        said.append(f"the drop of {drop:.2f} points is small but significant (p = {p:.2g})")
    return said


def _recall_cautions(parity: Parity) -> list[str]:
    """Emotions whose recall fell by more than chance explains."""
    said = []
    tested = [each for each in parity.recalls or () if each.faces]
    for each in tested:
        low, high = each.drop_interval
        if low <= 0:
            continue
        sentence = (
            f"recall of {each.label} fell by {each.drop:.1f} points ({low:.1f} to {high:.1f}), {each.faces:,} faces"
        )
        # Bonferroni: of several emotions one is likelier to fall by chance than a single one.
        if each.mcnemar_p * len(tested) >= SIGNIFICANT:
            sentence += f"; among {len(tested)} emotions chance alone can give one such fall"
        said.append(sentence)
    return said


def _faces_until(width: Callable[[float], float], limit: float, faces: int) -> int:
    """Faces at which an interval of that width, limit at most, is had at the observed rates; rounded up to 2 digits."""
    fewer, enough = float(faces), 2.0 * faces
    while width(enough) > limit:
        fewer, enough = enough, 2 * enough
    while enough - fewer > enough / 1000:
        middle = (fewer + enough) / 2
        fewer, enough = (middle, enough) if width(middle) > limit else (fewer, middle)
    step = int(10 ** max(0, math.floor(math.log10(enough)) - 1))
    return math.ceil(enough / step) * step
