"""Prints a command's result; where stdout cannot take it, keeps it in a file and says where."""

from __future__ import annotations

import argparse
import json
import os
import sys
from pathlib import Path
from typing import Any

from ..errors import OutputError
from ..harmless import harmless, json_text
from ..system import cache_folder
from ..system.process import streams
from .words import typed


def show(options: argparse.Namespace, document: dict[str, Any], text: str) -> None:
    """Print the document with --json, else the text.

    With --quiet nothing is printed. Raises OutputError where stdout cannot take it, BrokenPipeError where its reader
    is gone.
    """
    if options.quiet:
        return
    content = json_text(document, ascii_only=True) if options.json else harmless(typed(text), keep="\n")
    if streams.is_absent(1):
        streams.say(f"fer-export: there is no stdout; the result is in {_kept(options, content)}")
        return
    try:
        sys.stdout.write(content + "\n")
        sys.stdout.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        streams.discard(1)
        raise OutputError(
            f"stdout cannot take the result ({error.strerror}); it is in {_kept(options, content)}"
        ) from error


def write(options: argparse.Namespace, text: str) -> None:
    """Write text as it is, such as a line of a table; nothing with --quiet."""
    if not options.quiet and not streams.is_absent(1):
        sys.stdout.write(text)
        sys.stdout.flush()


def json_line(options: argparse.Namespace, document: dict[str, Any]) -> None:
    """Write a document as one line, where --jsonl asks for that."""
    if options.jsonl:
        write(options, json.dumps(document) + "\n")


def _kept(options: argparse.Namespace, content: str) -> Path:
    """The file that a result was written into instead: in the folder of --output, else in the cache."""
    from ..system import files

    name = f"last-result.{'json' if options.json else 'txt'}"
    folder = getattr(options, "output", None)
    place = folder if isinstance(folder, Path) and folder.is_dir() else cache_folder.folder()
    if (place / "manifest.json").exists():  # nothing is put into a bundle
        place = cache_folder.folder()
    return files.write_whole(place / name, (content + os.linesep).encode("utf-8", "backslashreplace"))


def say(message: str, code: int) -> int:
    """Write one line to stderr; returns the code."""
    streams.say(f"fer-export: {harmless(typed(' '.join(message.split())))}")
    return code


def flush() -> None:
    """Write what is buffered now, while an error can still be told."""
    sys.stdout.flush()
