"""All that an app carries: made, verified, and a phone's self-check read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..lazy import on_demand

if TYPE_CHECKING:
    from .android import GRADLE, KOTLIN, AndroidApp, find_app
    from .device_table import DeviceTable, Row, name_of
    from .folder import Bundle, is_bundle
    from .make import Made
    from .phone_check import DeviceCheck
    from .verify import Verification

__all__ = [
    "AndroidApp",
    "Bundle",
    "DeviceCheck",
    "DeviceTable",
    "GRADLE",
    "KOTLIN",
    "Made",
    "Row",
    "Verification",
    "find_app",
    "is_bundle",
    "name_of",
]

__getattr__ = on_demand(
    __name__,
    {
        "AndroidApp": "android",
        "Bundle": "folder",
        "DeviceCheck": "phone_check",
        "DeviceTable": "device_table",
        "GRADLE": "android",
        "KOTLIN": "android",
        "Made": "make",
        "Row": "device_table",
        "Verification": "verify",
        "find_app": "android",
        "is_bundle": "folder",
        "name_of": "device_table",
    },
)
