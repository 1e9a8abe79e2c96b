"""Files, folders, the machine, Keras's backend, progress: all that is the process's or the system's."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..lazy import on_demand

if TYPE_CHECKING:
    from .cache_folder import folder
    from .doctor import Examination, examine
    from .machine import Machine
    from .progress import OnStep, silent
    from .readable import Readable
    from .unpacking import Unpacked, UnpackedSizeError, read_entry

__all__ = [
    "Examination",
    "Machine",
    "OnStep",
    "Readable",
    "Unpacked",
    "UnpackedSizeError",
    "examine",
    "folder",
    "read_entry",
    "silent",
]

__getattr__ = on_demand(
    __name__,
    {
        "Examination": "doctor",
        "Machine": "machine",
        "OnStep": "progress",
        "Readable": "readable",
        "Unpacked": "unpacking",
        "UnpackedSizeError": "unpacking",
        "examine": "doctor",
        "folder": "cache_folder",
        "read_entry": "unpacking",
        "silent": "progress",
    },
)
