"""What labelled faces say about a network's labels and scaling, as data that travels with the network."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

Origin = Literal["given", "card", "network", "file", "faces", "assumed"]
"""Where a label order or a scaling comes from: the caller, its card, its own layers, the file judged, labelled faces,
or nothing but a default."""


@dataclass(frozen=True)
class Candidate:
    """One label order or scaling that was tried."""

    name: str
    """What it is called in a sentence: `alphabetical`, `signed`."""
    value: tuple[str, ...]
    """The labels in order, or the scaling's name alone."""
    hits: int
    """Faces that the network has right with it."""


@dataclass(frozen=True)
class Finding:
    """What the faces say about the label order or the scaling."""

    what: Literal["labels", "scaling"]
    """The property."""
    taken: Candidate
    """What the network is used with."""
    best: Candidate
    """The candidate with the most hits."""
    tried: tuple[Candidate, ...]
    """All of them, best first."""
    faces: int
    """How many faces judged."""
    source: str
    """What they are: `Training faces`."""
    origin: Origin
    """`given` where the caller chose, `faces` where the faces overruled the default, else the default's origin."""
    p: float
    """Exact McNemar p of `best` against `taken` where they differ, else of `taken` against the next best."""
    contradicted: bool = False
    """Whether another candidate beats what the caller gave beyond chance."""

    @property
    def sentence(self) -> str:
        """`alphabetical, 61.0 % of 500 Training faces; FER2013's order 37.4 %`."""
        said = f"{self.taken.name}, {self._share(self.taken)} of {self.faces:,} {self.source}"
        other = self.best if self.best != self.taken else next((c for c in self.tried if c != self.taken), None)
        if other is None:
            return said
        said += f"; {other.name} {self._share(other)}"
        if self.contradicted:
            return f"{said}, better beyond chance (p = {self.p:.2g})"
        if self.p >= 0.05 and other.hits != self.taken.hits:
            said += f", a difference that chance can give (p = {self.p:.2g})"
        return said

    @property
    def caution(self) -> str | None:
        """One sentence where the caller's choice is contradicted."""
        if not self.contradicted:
            return None
        return (
            f"the faces contradict the {self.what} given ({self._share(self.taken)} of {self.faces:,} {self.source}): "
            f"{','.join(self.best.value)} has {self._share(self.best)} right"
        )

    def to_dict(self) -> dict[str, Any]:
        """JSON-safe."""
        return {
            "taken": list(self.taken.value) if self.what == "labels" else self.taken.value[0],
            "origin": self.origin,
            "p": float(f"{self.p:.3g}"),
            "contradicted": self.contradicted,
            "tried": [
                {"name": each.name, "hits": each.hits, "accuracy": round(each.hits / self.faces, 4)}
                for each in self.tried
            ],
            "sentence": self.sentence,
        }

    def _share(self, candidate: Candidate) -> str:
        return f"{100 * candidate.hits / self.faces:.1f} %"


@dataclass(frozen=True)
class Evidence:
    """Findings on what a network's file does not say."""

    faces: int
    """How many labelled faces judged."""
    source: str
    """What they are: `Training faces`."""
    labels: Finding | None
    """None where the label order was known."""
    scaling: Finding | None
    """None where the scaling was known."""
    cautions: tuple[str, ...] = ()
    """What the findings leave open or contradict, one sentence each."""

    def to_dict(self) -> dict[str, Any]:
        """JSON-safe."""
        return {
            "faces": self.faces,
            "source": self.source,
            "labels": self.labels.to_dict() if self.labels else None,
            "scaling": self.scaling.to_dict() if self.scaling else None,
            "cautions": list(self.cautions),
        }
