"""The networks that this package ships."""

from __future__ import annotations

import json
from pathlib import Path


def shipped_folder() -> Path:
    """Where the shipped networks lie: inside the installed package, or at the top of a checkout."""
    inside = Path(__file__).parents[1] / "models"
    return inside if inside.is_dir() else Path(__file__).parents[3] / "models"


def shipped_names() -> list[str]:
    """Names of the shipped networks, sorted."""
    return sorted(path.parent.name for path in shipped_folder().glob("*/model.keras"))


def shipped_shares(name: str) -> dict[str, float] | None:
    """Share of each label among the faces that a shipped network was trained on; None where its card has none."""
    card = json.loads((shipped_folder() / name / "card.json").read_text(encoding="utf-8"))
    held = card.get("trained_shares")
    return {label: float(share) for label, share in held.items()} if held else None
