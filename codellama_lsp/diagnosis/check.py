"""One thing that was looked at, and what to do about it."""

from __future__ import annotations

import enum

import attrs


class Verdict(enum.StrEnum):
    """How a check went."""

    OK = "ok"
    WARNING = "warning"
    """Works, but not as well as it could."""
    PROBLEM = "problem"
    """Completions cannot work like this."""


@attrs.frozen
class Check:
    """The answer of a check."""

    name: str
    verdict: Verdict
    value: str
    remedy: str = ""


def ok(name: str, value: str) -> Check:
    """All is well."""
    return Check(name, Verdict.OK, value)


def warning(name: str, value: str, remedy: str) -> Check:
    """It works."""
    return Check(name, Verdict.WARNING, value, remedy)


def problem(name: str, value: str, remedy: str) -> Check:
    """It can't work."""
    return Check(name, Verdict.PROBLEM, value, remedy)
