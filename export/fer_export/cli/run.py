"""One command line from its words to its exit code: whatever happens ends in a result or in one line.

Exit codes: 0 done and within the gate, 1 a gate failed, 2 bad input or usage, 3 a fault of fer-export itself, 130 and
143 interrupted.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Sequence

from ..errors import FerExportError
from ..system.process import scratch, signals, streams
from . import fault, objects, output
from .commands import commands
from .flags import parser
from .progress_bar import Bar


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit code. Never shows a traceback, unless FER_EXPORT_DEBUG is set."""
    with streams.usable():
        try:
            with signals.ending(), scratch.folder():
                code = _run(arguments)
                output.flush()
                return code
        except KeyboardInterrupt as end:
            return _interrupted(getattr(end, "number", signal.SIGINT))
        except BrokenPipeError:
            streams.discard(1)
            return 141
        except FerExportError as error:
            return _failed(str(error))
        except Exception as error:  # an unexpected error still ends in one line, not in a traceback
            if os.environ.get("FER_EXPORT_DEBUG"):
                raise
            return _failed(fault.report(error, sys.argv[1:] if arguments is None else arguments), fault.CODE)


def _run(arguments: Sequence[str] | None) -> int:
    known = parser(commands())
    options = known.read(arguments)
    if options.command is None:
        known.print_help()
        return 0
    _quiet()
    if getattr(options, "distribute", None):
        from ..training.several import supervise

        if not supervise.supervised():
            return supervise.supervise(main, sys.argv[1:] if arguments is None else arguments, objects.group(options))
    with Bar(quiet=options.quiet) as bar:
        return int(options.run(options, bar))


def _interrupted(number: int) -> int:
    scratch.remove_own()
    return output.say(signals.MESSAGE, 128 + number)


def _failed(message: str, code: int = 2) -> int:
    """The code and the message; where a signal came before, a library has made the error of it."""
    number = signals.came()
    return output.say(message, code) if number is None else _interrupted(number)


def _quiet() -> None:
    import warnings

    from ..system import keras_backend

    if not sys.warnoptions:
        warnings.simplefilter("ignore")
    keras_backend.prepare(lean=True)
