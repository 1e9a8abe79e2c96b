"""The parser behind the flags: help that fits a screen, and the nearest right word for a mistyped one."""

from __future__ import annotations

import argparse
import difflib
import os
import re
import shutil
from collections.abc import Iterable, Sequence
from typing import Any, NoReturn

from ..errors import UsageError

WIDEST = 120
"""Columns of help on a wide terminal; lines that are longer are hard to read."""


WITHOUT_FLAG = ("--data", "--model", "--file", "--input", "--photo", "--image", "--bundle", "--folder", "--path")
"""Flags that people write for what some commands take without one."""


class Help(argparse.RawDescriptionHelpFormatter):
    """Examples as they are written, flags and their meaning side by side."""

    def __init__(self, prog: str) -> None:
        width = min(WIDEST, shutil.get_terminal_size().columns - 2)
        super().__init__(prog, max_help_position=30, width=width)

    def add_usage(self, usage: Any, actions: Any, groups: Any, prefix: Any = None) -> None:
        """One line: the positional arguments; every flag stands below with its meaning."""
        positional = [action for action in actions if not action.option_strings]
        super().add_usage(usage, positional, [], prefix)

    def _format_usage(self, usage: Any, actions: Any, groups: Any, prefix: Any) -> str:
        line = super()._format_usage(usage, actions, groups, prefix)
        return re.sub(r"^(usage: fer-export(?: [a-z]+)?)", r"\1 [flags]", line)


class Parser(argparse.ArgumentParser):
    """A command's parser. Errors are UsageError: one line that ends with the help of the command."""

    def __init__(self, **options: Any) -> None:
        super().__init__(formatter_class=Help, allow_abbrev=False, **options)
        self.commands: dict[str, Parser] = {}
        """The commands of the root, by name."""

    def read(self, arguments: Sequence[str] | None = None) -> argparse.Namespace:
        """The options of a command line; raises UsageError with the nearest right flag for one that is unknown."""
        options, unknown = self.parse_known_args(arguments)
        if unknown:
            command = self.commands.get(getattr(options, "command", ""), self)
            command.error(command.said_of(unknown))
        return options

    def said_of(self, unknown: Sequence[str]) -> str:
        """What to say of words that nothing takes."""
        flag = next((word for word in unknown if word.startswith("-")), None)
        if flag is None:
            is_path = os.sep in unknown[0] or "." in unknown[0] or os.path.exists(unknown[0])
            hint = f" (did you mean '--model {unknown[0]}'?)" if is_path and "--model" in self.flags() else ""
            return f"unexpected argument {unknown[0]!r}{hint}"
        name = flag.partition("=")[0]
        positional = next((action for action in self._actions if not action.option_strings), None)
        if positional is not None and name in WITHOUT_FLAG:
            return f"unknown flag {name}; pass {positional.metavar or positional.dest} without a flag"
        return f"unknown flag {name}{nearest(name, self.flags())}"

    def flags(self) -> list[str]:
        """All flags of the command, with their two dashes."""
        return [word for action in self._actions for word in action.option_strings if word.startswith("--")]

    def error(self, message: str) -> NoReturn:
        """Raise UsageError."""
        choice = re.match(r"argument COMMAND: invalid choice: '([^']*)'", message)
        if choice:
            message = f"unknown command {choice[1]!r}{nearest(choice[1], self.commands)}"
        message = message.removeprefix("argument ")
        raise UsageError(f"{message}; see `{self.prog} --help`")


def nearest(word: str, known: Iterable[str]) -> str:
    """` (did you mean '--model'?)` where one of the known words is close, otherwise nothing."""
    close = difflib.get_close_matches(word.lower(), list(known), n=1, cutoff=0.6)
    return f" (did you mean {close[0]!r}?)" if close else ""
