"""What a training run is told: the plan that a user asks for, and the setup that the trainer makes of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from .recipe import Recipe
from .several.group import ALONE, Group


@dataclass(frozen=True)
class Plan:
    """A run from a data set to a network folder."""

    network: str = "compact"
    """A key of networks.NETWORKS."""

    classes: int = 7
    """6 or 7 outputs, or 8 where the data has votes."""

    protocol: str = "official"
    """`official` trains on Training and chooses the epoch on PublicTest; `report` splits all rows 70/30."""

    initial: str | None = None
    """Name or path of a network whose weights are the start; None for random weights."""

    teachers: Sequence[str] = ()
    """Names or paths of networks whose probabilities are learned beside the labels."""

    seed: int = 1
    """Seed of every random choice."""

    recipe_of: str | None = None
    """Another network whose recipe is used; None for the network's own."""

    changes: Mapping[str, Any] = field(default_factory=dict)
    """Fields of recipe.Recipe that differ from it."""

    group: Group = ALONE
    """The processes that train together."""


@dataclass(frozen=True)
class Setup:
    """A run on given examples."""

    network: str
    """A key of networks.NETWORKS."""

    classes: int
    """6, 7 or 8."""

    recipe: Recipe = field(default_factory=Recipe)
    """How it is trained."""

    seed: int = 1
    """Seed of every random choice."""

    initial: str | None = None
    """Name or path of a network whose layers of the same name and shape give the first weights; of one with more
    emotions, the last layer's columns of those that are wanted."""

    teachers: Sequence[str] = ()
    """The networks that made the soft targets, by name, so that a run continues with the same; a consistent recipe asks
    them during training."""

    group: Group = ALONE
    """The joined processes that train together; only the first one uses the run's folder and `initial`."""
