"""The sentence that matters in one of Keras's own errors, which wrap it in pages of configuration."""

from __future__ import annotations

import re

_LONGEST = 160
_HIDDEN = "could not automatically infer"
_BOLD = re.compile(r"\x1b\[1m(.+?)\x1b\[0m", re.DOTALL)
_CALLED_WITH = re.compile(r"\n\s*(Arguments received by |Call arguments received by |Full object config:)")
_PREFIX = re.compile(r"^(Exception encountered( when calling [\w.() ']+)?[:.]\s*)+")


def sentence(error: BaseException) -> str:
    """The innermost message of an error of Keras, TensorFlow or h5py, one line of at most 160 characters."""
    text = str(error).strip()
    if _HIDDEN in text:
        text = str(_first_cause(error)).strip()
    bold = _BOLD.findall(text)
    text = bold[-1] if bold else _CALLED_WITH.split(text)[0]
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    last = _PREFIX.sub("", lines[-1]) if lines else ""
    return _shortened(last) or type(error).__name__


def _first_cause(error: BaseException) -> BaseException:
    """What was raised first: Keras hides a Lambda's own error behind one about its output's shape."""
    while (before := error.__cause__ or error.__context__) is not None:
        error = before
    return error


def _shortened(line: str) -> str:
    """The beginning of a line; Keras sets whole configurations behind the sentence."""
    return line if len(line) <= _LONGEST else f"{line[: _LONGEST - 3]}..."
