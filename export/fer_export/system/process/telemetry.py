"""Switches off what libraries report to their makers.

onnxruntime on Linux resolves a host of its maker some seconds after a session is made, and keeps events and a device
number in the user's cache folder and temporary folder. It reads the variable when it is imported, and only then.
"""

from __future__ import annotations

import os

VARIABLE, SILENT = "ORT_DISABLE_TELEMETRY", "1"
"""Read by onnxruntime at its import; every process that is started from here inherits it."""


def switch_off() -> None:
    """Set the variable in this process, whatever the user's environment says."""
    os.environ[VARIABLE] = SILENT
