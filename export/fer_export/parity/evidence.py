"""Label order and scaling judged on labelled faces, for networks whose files do not say them.

Every candidate answers the same Training faces. The best takes the place of the default only where it beats it beyond
chance (exact McNemar test, divided among the candidates); what the caller gave is obeyed, with a caution where the
faces contradict it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import permutations
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from ..checkpoint import SCALINGS, TOLD_APART_BY_GREY, Candidate, Checkpoint, Evidence, Finding, Origin
from ..dataset import DEFAULT_LABELS, FER2013, FER_PLUS, LABEL_ORDERS, Dataset, Faces, batch_of, fit
from ..system import OnStep, silent
from .statistics import mcnemar_exact

FACES = 500
"""Training faces that judge the candidates; fewer of pictures of more than 96 pixels, but FEWEST."""

FEWEST = 200

SIGNIFICANT = 0.05

_ORDERS_TRIED = 8
"""Outputs up to which every order of the emotions is tried, as a hint only."""

_HINT = 1e-3

Right = NDArray[np.bool_]


def with_evidence(
    checkpoint: Checkpoint, data: Dataset, *, count: int = FACES, seed: int = 1, on_step: OnStep = silent
) -> Checkpoint:
    """The network with the label order and the scaling that the faces of a data set show, and its evidence.

    Only what no card and no layer of the network says is judged; a network that was judged before, or has nothing to
    judge, comes back as it is. The faces: `count` Training faces, or of the first split there is.
    """
    if checkpoint.evidence is not None:
        return checkpoint
    orders, scalings = _label_orders(checkpoint), _scalings(checkpoint)
    if len(orders) < 2 and len(scalings) < 2:
        return checkpoint
    split = data.split("Training" if "Training" in data.splits else data.splits[0])
    faces = split.sample(min(count, max(FEWEST, batch_of(4 * count, checkpoint.size))), seed)
    answers = _answers(checkpoint, faces, list(scalings), on_step)
    positions = {name: np.array([_number(label) for label in labels]) for name, labels in orders.items()}
    right = {
        (scaling, name): positions[name][given] == faces.emotions
        for scaling, given in answers.items()
        for name in orders
    }
    named = f"{split.name} faces"
    scaling, order = _best(right, next(iter(scalings)), next(iter(orders)), checkpoint)
    labels_finding = _finding(
        "labels", checkpoint.labels_from, orders, {o: right[scaling, o] for o in orders}, order, named
    )
    scaling_finding = _finding(
        "scaling", checkpoint.scaling_from, scalings, {s: right[s, order] for s in scalings}, scaling, named
    )
    findings = [each for each in (labels_finding, scaling_finding) if each is not None]
    cautions = [each.caution for each in findings if each.caution]
    known = max((right[scaling, name] for name in orders), key=lambda hits: int(hits.sum()))
    cautions += _other_order(answers[scaling], faces, known, len(checkpoint.labels)) if labels_finding else []
    if checkpoint.channels == 3 and scaling_finding is not None and "bgr" not in scaling and "caffe" not in scaling:
        cautions.append("grey faces do not tell RGB from BGR where the channels are scaled alike; check it yourself")
    evidence = Evidence(len(faces), named, labels_finding, scaling_finding, tuple(cautions))
    judged = replace(checkpoint, evidence=evidence, labels=orders[order], scaling=scaling)
    if labels_finding:
        source = _source(labels_finding, checkpoint.labels_source)
        judged = replace(judged, labels_source=source, labels_from=labels_finding.origin)
    if scaling_finding:
        source = _source(scaling_finding, checkpoint.scaling_source)
        judged = replace(judged, scaling_source=source, scaling_from=scaling_finding.origin)
    return judged


def _source(finding: Finding, before: str) -> str:
    """Where a property comes from, with the figures."""
    return f"{before}: {finding.sentence}" if finding.origin == "given" else finding.sentence


def _label_orders(checkpoint: Checkpoint) -> dict[str, tuple[str, ...]]:
    """Name -> labels, the network's own first; its own alone where its card says them or they are not emotions."""
    own, count = checkpoint.labels, len(checkpoint.labels)
    known = LABEL_ORDERS.get(count, {})
    name = next((name for name, labels in known.items() if labels == own), "the labels given")
    orders = {name: own}
    if checkpoint.labels_from in ("given", "assumed") and all(_number(label) >= -1 for label in own):
        orders |= {other: labels for other, labels in known.items() if labels != own}
    return orders


def _scalings(checkpoint: Checkpoint) -> dict[str, tuple[str, ...]]:
    own = checkpoint.scaling
    scalings: dict[str, tuple[str, ...]] = {own: (own,)}
    if checkpoint.scaling_from in ("given", "assumed"):
        grey = checkpoint.channels == 1
        # A reversed order that grey faces cannot tell from its twin would only tie with it.
        others = [name for name in TOLD_APART_BY_GREY if f"{name}-bgr" != own and f"{own}-bgr" != name]
        others = [name for name in others if name not in own.split("-bgr")]
        scalings |= {name: (name,) for name in others if not (grey and SCALINGS[name].rgb_only)}
    return scalings


def _number(label: str) -> int:
    """FER2013's number of an emotion, -1 for contempt, which FER2013 has not, -2 for what is not an emotion."""
    if label in FER2013:
        return FER2013.index(label)
    return -1 if label in FER_PLUS else -2


def _answers(
    checkpoint: Checkpoint, faces: Faces, scalings: Sequence[str], on_step: OnStep
) -> dict[str, NDArray[np.int64]]:
    images = fit(faces.pixels, checkpoint.size)
    answers = {}
    for done, scaling in enumerate(scalings):
        on_step("trying labels and scalings", done, len(scalings))
        answers[scaling] = checkpoint.predict_scaled(images, scaling).argmax(axis=1)
    return answers


def _best(right: Mapping[tuple[str, str], Right], scaling: str, order: str, checkpoint: Checkpoint) -> tuple[str, str]:
    """The pair with most hits, each part put back to the default where its worth is not beyond chance."""
    fixed_scaling, fixed_order = checkpoint.scaling_from == "given", checkpoint.labels_from == "given"
    free = [
        pair for pair in right if not (fixed_scaling and pair[0] != scaling) and not (fixed_order and pair[1] != order)
    ]
    best_scaling, best_order = max(free, key=lambda pair: (int(right[pair].sum()), pair == (scaling, order)))
    scalings, orders = {pair[0] for pair in free}, {pair[1] for pair in free}
    if not _better(right[best_scaling, best_order], right[scaling, best_order], len(scalings)):
        best_scaling = scaling
        best_order = max(orders, key=lambda name: (int(right[scaling, name].sum()), name == order))
    if not _better(right[best_scaling, best_order], right[best_scaling, order], len(orders)):
        best_order = order
    return best_scaling, best_order


def _better(one: Right, other: Right, candidates: int) -> bool:
    return bool(one.sum() > other.sum()) and _p(one, other) * max(1, candidates - 1) < SIGNIFICANT


def _p(one: Right, other: Right) -> float:
    return mcnemar_exact(int((one & ~other).sum()), int((~one & other).sum()))


def _finding(
    what: Literal["labels", "scaling"],
    origin: Origin,
    values: Mapping[str, tuple[str, ...]],
    right: Mapping[str, Right],
    taken: str,
    source: str,
) -> Finding | None:
    """What the faces say of one property, the other as it was taken; None where there was nothing to try."""
    if len(values) < 2:
        return None
    default = next(iter(values))
    ranked = sorted(values, key=lambda name: (-int(right[name].sum()), name != taken))
    candidates = {name: Candidate(name, values[name], int(right[name].sum())) for name in ranked}
    best = ranked[0]
    against = best if best != taken else default if default != taken else ranked[1]
    runner_up = next(name for name in ranked if name != taken)
    if origin == "assumed" and (taken != default or _better(right[taken], right[runner_up], len(values))):
        origin = "faces"
    tried = [candidates[name] for name in ranked]
    if against != ranked[0]:  # the default stands beside what was taken in the sentence
        tried.remove(candidates[against])
        tried.insert(1, candidates[against])
    return Finding(
        what=what,
        taken=candidates[taken],
        best=candidates[best],
        tried=tuple(tried),
        faces=len(right[taken]),
        source=source,
        origin=origin,
        p=_p(right[taken], right[against]),
        contradicted=best != taken and origin == "given" and _better(right[best], right[taken], len(values)),
    )


def _other_order(answers: NDArray[np.int64], faces: Faces, right: Right, outputs: int) -> list[str]:
    """A caution where an order of the emotions that is none of the known ones fits the outputs far better.

    Half of the faces find it and the other half judges it.
    """
    if outputs not in DEFAULT_LABELS or outputs > _ORDERS_TRIED:
        return []
    names = FER2013 if outputs <= len(FER2013) else FER_PLUS
    numbers = np.array([_number(name) for name in names])
    first = np.arange(len(answers)) % 2 == 0
    counts = np.zeros((outputs, len(names)), int)
    for column, number in enumerate(numbers):
        counts[:, column] = np.bincount(answers[first & (faces.emotions == number)], minlength=outputs)
    orders = np.array(list(permutations(range(len(names)), outputs)))
    found = orders[counts[np.arange(outputs), orders].sum(axis=1).argmax()]
    fits = numbers[found][answers] == faces.emotions
    half, ours = fits[~first], right[~first]
    if not half.sum() > ours.sum() or _p(half, ours) >= _HINT:
        return []
    listed = ",".join(names[position] for position in found)
    return [
        f"no known label order fits well: {100 * half.mean():.1f} % of {len(half):,} of these faces are right in the "
        f"order {listed} ({100 * ours.mean():.1f} % in the best known one); give it as labels if training used it"
    ]
