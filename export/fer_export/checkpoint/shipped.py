"""The networks that this package ships."""

from __future__ import annotations

from pathlib import Path


def shipped_folder() -> Path:
    """Where the shipped networks lie: inside the installed package, or at the top of a checkout."""
    inside = Path(__file__).parents[1] / "models"
    return inside if inside.is_dir() else Path(__file__).parents[3] / "models"


def shipped_names() -> list[str]:
    """Names of the shipped networks, sorted."""
    return sorted(path.parent.name for path in shipped_folder().glob("*/model.keras"))
