"""Every parser, fed with mutated files: each either reads them or refuses them in one line of our own."""

from __future__ import annotations

import copy
import json
import random
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from fer_export.errors import FerExportError
from helpers import fuzz_files

pytestmark = [
    pytest.mark.fuzz,
    # What a library warns of in a damaged file is not what is tested here; the command shows no warnings.
    pytest.mark.filterwarnings("ignore"),
]

SLOWEST = 10.0
"""Seconds that one file may take."""

VALUES = (
    *(None, True, False, 0, -1, 1 << 31, 1 << 70, 10**400, 0.5, -0.0, 1e308, float("inf"), float("nan")),
    *("", "x", "\x1b[31m", "\u202e", "\ud800", "../../x", "0" * 64, "a" * 5000, [], {}, [[]], [None], {"": 0}),
)
"""What stands in for any value of a JSON document."""


def refused_or_read(kind: str, content: bytes) -> None:
    """The parser reads the content, or raises our own error in one harmless line, within seconds."""
    started = time.monotonic()
    try:
        fuzz_files.PARSERS[kind](content)
    except FerExportError as error:
        line = str(error)
        assert line
        assert line.replace("\ud800", "").isprintable(), line
    assert time.monotonic() - started < SLOWEST


@st.composite
def damaged(draw: Any, kind: str) -> bytes:
    """A valid file with bytes flipped, cut out, repeated, or put in, in one to eight places."""
    content = bytearray(draw(st.sampled_from(fuzz_files.seeds(kind))))
    chance = random.Random(draw(st.integers(0, 2**32)))
    for _ in range(draw(st.integers(1, 8))):
        if not content:
            break
        at, length = chance.randrange(len(content)), chance.choice((1, 1, 2, 4, 8, 64, 1024))
        change = chance.randrange(6)
        if change == 0:
            content[at] ^= 1 << chance.randrange(8)
        elif change == 1:
            content[at : at + length] = bytes(chance.choice((0, 0xFF, 0x7F, 0x80)) for _ in range(length))
        elif change == 2:
            del content[at : at + length]
        elif change == 3:
            content[at:at] = content[at : at + length]
        elif change == 4:
            content[at:at] = chance.randbytes(length)
        else:
            del content[at:]
    return bytes(content)


@st.composite
def misshapen(draw: Any, kind: str) -> bytes:
    """A valid JSON document with up to three values replaced, renamed or removed."""
    document = json.loads(draw(st.sampled_from(fuzz_files.seeds(kind))))
    chance = random.Random(draw(st.integers(0, 2**32)))
    for _ in range(draw(st.integers(1, 3))):
        places = list(_places(document))
        if not places:
            break
        part, key = chance.choice(places)
        change = chance.randrange(4)
        if change == 0:
            del part[key]
        elif change == 1 and isinstance(part, dict):
            part[str(chance.choice(VALUES))] = part.pop(key)
        else:
            part[key] = copy.deepcopy(chance.choice(VALUES))
    return json.dumps(document).encode()


def _places(document: Any) -> Iterator[tuple[Any, Any]]:
    keys = list(document) if isinstance(document, dict) else range(len(document)) if isinstance(document, list) else ()
    for key in keys:
        yield document, key
        yield from _places(document[key])


def fuzzed(examples: int) -> Callable[[Any], Any]:
    return settings(
        max_examples=examples,
        deadline=None,
        database=None,
        derandomize=False,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )


EXAMPLES = {"tflite": 300, "onnx": 300, "coreml": 300, "keras": 40, "h5": 25, "csv": 300, "png": 300, "jpeg": 300}
"""About five seconds each on two cores."""


@pytest.mark.parametrize("kind", EXAMPLES)
def test_a_damaged_file_is_read_or_refused(kind):
    @seed(19)
    @fuzzed(EXAMPLES[kind])
    @given(damaged(kind))
    def check(content: bytes) -> None:
        refused_or_read(kind, content)

    check()


@pytest.mark.parametrize("kind", ["json", "contract", "manifest", "golden", "phone", "bench", "embedded", "card"])
def test_a_misshapen_document_is_read_or_refused(kind):
    @seed(19)
    @fuzzed(300 if kind not in ("json", "golden") else 60)
    @given(st.one_of(misshapen(kind), misshapen(kind), damaged(kind)))
    def check(content: bytes) -> None:
        refused_or_read(kind, content)

    check()
