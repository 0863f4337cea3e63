"""A redactor that follows a text under edits finds what a new one finds in it."""

from __future__ import annotations

import random

import pytest

from codellama_lsp.context.secrets import Redactor
from codellama_lsp.context.shield import Shield
from codellama_lsp.context.windows import WindowBudget, WindowTracker

_LINES = [
    "def load(path):",
    "    return open(path).read()",
    "",
    'password = "hunter2secret9Q"',
    'key = "ghp_0123456789abcdefghijklmnopqrstuvwxyzAB"',
    "url = 'postgres://me:s3cr3tpw@db.local/x'",
    "-----BEGIN RSA PRIVATE KEY-----",
    "MIIEpAIBAAKCAQEA0Z3VS5JJcds3xfn/ygWyF0Pbn",
    "-----END RSA PRIVATE KEY-----",
    "é ☃ = 𝒳",
]
_TYPED = ["a", "=", " ", "\n", '"', "ghp_01234", "sk-ant-api03-AbCd", "\r\n", "eyJhbGci", "."]


@pytest.mark.parametrize("seed", range(6))
def test_the_same_as_from_scratch(seed: int) -> None:
    rng = random.Random(seed)
    follows = Redactor()
    clean = _LINES[:3] + _LINES[-1:]
    text = "\n".join(rng.choice(clean) for _ in range(40))
    seen = 0
    for _ in range(300):
        at = rng.randrange(len(text) + 1)
        kind = rng.random()
        if kind < 0.5:
            text, at = text[:at] + (new := rng.choice(_TYPED)) + text[at:], at + len(new)
        elif kind < 0.6:
            new = "\n" + rng.choice(_LINES) + "\n"
            text, at = text[:at] + new + text[at:], at + len(new)
        elif kind < 0.95:
            text = text[:at] + text[at + rng.choice((1, 3, 30)) :]
        else:
            text = "\n".join(rng.choice(clean) for _ in range(40))
            at = min(at, len(text))
        found = follows.spans(text, at)
        assert found == Redactor().spans(text, at)
        seen += bool(found)
    assert 20 < seen < 290


@pytest.mark.parametrize("seed", range(8))
def test_windows_that_are_typed_in_are_shielded_as_from_scratch(seed: int) -> None:
    rng = random.Random(seed)
    tracker, follows = WindowTracker("d"), Shield()
    clean = _LINES[:3] + _LINES[-1:]
    text = "\n".join(rng.choice(clean) for _ in range(60))
    at, redacted = len(text) // 2, 0
    for _ in range(250):
        kind = rng.random()
        if kind < 0.6:
            # Typed character by character, as the secrets of the list are, too.
            new = rng.choice([*_TYPED, *_LINES])
        elif kind < 0.75:
            new, at = "", max(at - rng.choice((1, 3, 30)), 0)
            text = text[:at] + text[at + rng.choice((1, 3)) :]
        elif kind < 0.9:
            new, at = "", rng.randrange(len(text) + 1)
        else:
            new = ""
            text = "\n".join(rng.choice(clean) for _ in range(60))
            at = min(at, len(text))
        for char in new or [""]:
            text, at = text[:at] + char + text[at:], at + len(char)
            windows = tracker.windows(text, at, WindowBudget(400, 150))
            got, wanted = follows.windows(windows), Shield().windows(windows)
            for name in ("far_before", "prefix", "suffix", "far_after"):
                assert getattr(got, name).text == getattr(wanted, name).text
            assert got.typed_chars == wanted.typed_chars
            redacted += "__REDACTED" in wanted.prefix.text + wanted.suffix.text
    assert redacted > 50
