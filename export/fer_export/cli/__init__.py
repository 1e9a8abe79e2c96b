"""The command `fer-export`: flags in, one public function called, one result printed."""

from .run import main

__all__ = ["main"]
