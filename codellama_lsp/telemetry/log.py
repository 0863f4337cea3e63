"""Logging to stderr that cannot repeat what the user wrote.

Our own messages are written so that they hold no code. Everything else may: libraries log whole
messages, and exceptions quote what they choked on. Of those only the place is logged.
"""

from __future__ import annotations

import logging
import sys
import traceback
from types import TracebackType
from typing import TextIO

_OWN = "codellama_lsp"


class DiscreetFormatter(logging.Formatter):
    """One line a record: level, logger, message; of an exception its type and where it came from.

    Of a record of somebody else's logger only the template is written, never its arguments.
    """

    def format(self, record: logging.LogRecord) -> str:
        """The line."""
        own = record.name == _OWN or record.name.startswith(_OWN + ".")
        message = record.getMessage() if own else _template(record)
        line = f"{self.formatTime(record)} {record.levelname.lower()} {record.name}: {message}"
        if record.exc_info and record.exc_info[0] is not None:
            line += f" ({record.exc_info[0].__name__} at {_place(record.exc_info[2])})"
        return " ".join(line.splitlines())


def _template(record: logging.LogRecord) -> str:
    # A template without arguments may be a finished text: an f-string, a traceback.
    if isinstance(record.msg, str) and record.args:
        return record.msg
    return f"(at {record.filename}:{record.lineno})"


def _place(trace: TracebackType | None) -> str:
    frames = traceback.extract_tb(trace)[-4:]
    return " < ".join(
        f"{frame.filename.rsplit('/', 1)[-1]}:{frame.lineno}" for frame in frames[::-1]
    )


def configure(level: str = "warning", stream: TextIO | None = None) -> None:
    """Send all logging to `stream` (stderr), ours from `level` on and others' from warnings on."""
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(DiscreetFormatter())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    set_level(level)
    # At INFO, pygls writes every message that it sends.
    logging.getLogger("pygls").setLevel(logging.WARNING)
    logging.raiseExceptions = False


def set_level(level: str) -> None:
    """Our own loggers' level: error, warning, info or debug."""
    logging.getLogger(_OWN).setLevel(level.upper())
