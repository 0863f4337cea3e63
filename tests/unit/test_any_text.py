"""Whatever a model says anywhere: nothing, or an edit on one line that leaves the rest in order."""

from __future__ import annotations

from hypothesis import example, given, settings
from hypothesis import strategies as st

from codellama_lsp.context.windows import normalised
from codellama_lsp.syntax.lexis import lexis_of
from codellama_lsp.syntax.scan import scan
from tests.cases.judge import judge

_LANGUAGES = ("python", "javascript", "java", "c", "go", "rust", "php", "shellscript", "plaintext")
_SIGNS = (*"()[]{}\"'`:;,.=<>#", "\n", "\n    ", "\n\t", "\n\n", "    ", " ", "\t", "\r", "\r\n")
_CODE = ("x", "value", "return ", "if ", "else", "def f", "// ", "/*", "*/", '"""', "${", "<?php ")
_TALK = ("```\n", "<EOT>", "# src/a.py\n", "Here is the code:\n", "é😀", "a = a + 1", "call(a, b)")
_PIECES = st.sampled_from((*_SIGNS, *_CODE, *_TALK))
_TEXT = st.lists(_PIECES, max_size=14).map("".join)


def faults(text: str, language: str) -> int:
    """Closers of nothing, brackets closed across others, strings broken off."""
    return scan(text, lexis_of(language)).faults


@settings(max_examples=400, deadline=None, derandomize=True)
@given(
    before=_TEXT, after=_TEXT, says=_TEXT, language=st.sampled_from(_LANGUAGES), crlf=st.booleans()
)
@example(before="(", after="\n    (", says="\n    )", language="python", crlf=False)
def test_any_text(before: str, after: str, says: str, language: str, crlf: bool) -> None:
    ending = "\r\n" if crlf else "\n"
    before, after = (
        text.replace("\r\n", "\n").replace("\r", "\n").replace("\n", ending)
        for text in (before, after)
    )
    document = before + after
    found = judge(document, len(before), language, says)
    assert found.accepted.startswith(before)
    if not found.outcome.has_items:
        assert found.accepted == document
        return
    inserted = found.shown
    eaten = after[: found.replaced_chars]
    assert found.accepted == before + inserted + after[found.replaced_chars :]
    assert inserted.strip()
    # On one line, and what is taken away there is a part of what takes its place.
    assert not set("\r\n") & set(eaten)
    rest = iter(inserted)
    assert all(char in rest for char in eaten)
    # The document's line ends; no blank lines behind.
    if ending in document:
        assert "\n" not in inserted.replace(ending, "")
        assert "\r" not in inserted.replace(ending, "")
    assert "\n" not in inserted[len(inserted.rstrip()) :]
    # Read no worse than before, or than with the first lines of what was said put in as they are.
    plain = inserted.replace(ending, "\n")
    head, behind = (text.replace(ending, "\n") for text in (before, after))
    tail = after[found.replaced_chars :].replace(ending, "\n")
    lines = normalised(says).split("\n")
    as_said = ("\n".join(lines[:count]) for count in range(1, len(lines) + 1))
    allowed = [faults(head + behind, language) + faults(plain, language)]
    allowed += [faults(head + text + behind, language) for text in as_said]
    assert faults(head + plain + tail, language) <= max(allowed)
