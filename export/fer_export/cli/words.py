"""The command line's words for what messages call by their Python names.

Messages of the package name parameters and functions: `` `data='fer2013.csv'` ``, `` `make_bundle()` ``. Here they
become the flags and commands that a person at a terminal types: `--data fer2013.csv`, `fer-export bundle`.
"""

from __future__ import annotations

import re

FLAGS = {
    "address": "distribute",
    "input_kind": "input",
    "network": "model",
    "precision": "quantize",
    "recipe_of": "recipe",
    "teachers": "teacher",
}
"""Parameters whose flag has another name; all others are called alike."""

PARAMETERS = frozenset(
    {"android", "adb", "annotate", "bench", "classes", "consistent", "data", "distillation", "dtype", "epochs"}
    | {"initial", "io", "labels", "learning_rate", "max_drop", "min_agreement", "mirror", "output", "process"}
    | {
        "processes",
        "protocol",
        "repair",
        "runtime",
        "scaling",
        "seed",
        "split",
        "stop_patience",
        "strict_int8",
        "threads",
        "trust",
    }
    | {"all_faces", "warm_up", "web", "weights", "votes", "prior", "min_score", "min_size", *FLAGS}
)
"""Parameters that are flags."""

COMMANDS = {
    "bench()": "bench",
    "compare()": "all",
    "evaluate()": "evaluate",
    "examine()": "doctor",
    "export()": "tflite",
    "inspect()": "inspect",
    "judge()": "parity",
    "make_bundle()": "bundle",
    "make_probe_faces()": "probe",
    "phone_checks()": "device",
    "summarize()": "data",
    "train()": "train",
    "verify_bundle()": "verify",
}
"""Functions of the package and their commands."""

_NAMED = re.compile(r"`(?P<name>\w+(?:\(\))?)(?:=(?P<value>'[^'`]*'|[^`]*))?`")


def typed(text: str) -> str:
    """The text with flags and commands in the place of parameters and functions."""
    return _NAMED.sub(_word, text)


def _word(found: re.Match[str]) -> str:
    name, value = found["name"], found["value"]
    if name in COMMANDS:
        return f"`fer-export {COMMANDS[name]}`"
    if name == "format" and value:
        return f"`fer-export {value.strip(chr(39))}`"
    if name not in PARAMETERS:
        return found[0]
    flag = f"--{FLAGS.get(name, name).replace('_', '-')}"
    if value is None or value == "True":
        return flag
    if value == "False":
        return f"--no-{flag[2:]}"
    return f"{flag} {value.strip(chr(39))}"
