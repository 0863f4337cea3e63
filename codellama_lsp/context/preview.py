"""What would be sent to a model at a cursor, for people: in order, with tokens and reasons.

Pure; whoever calls asks an engine how many of the model's own tokens each text has.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from codellama_lsp.context.assemble import Assembly
from codellama_lsp.context.index.messages import assembly_to_json
from codellama_lsp.context.windows import Windows
from codellama_lsp.engine.protocol import GenerateRequest, Layout, Priority, Segment

_MOST_LEFT_OUT = 12


def texts(assembly: Assembly, windows: Windows) -> list[str]:
    """What has to be counted, as `described` wants it."""
    return [*(chunk.text for chunk in assembly.chunks), windows.suffix.text, windows.prefix.text]


def described(
    assembly: Assembly,
    windows: Windows,
    counts: Sequence[int],
    *,
    counted_by: str,
    order: Sequence[str],
    ms: float,
) -> dict[str, Any]:
    """The choice as JSON; `counts` are the tokens of `texts`, in that order."""
    *of_chunks, suffix, prefix = counts
    return {
        **assembly_to_json(assembly.counted(of_chunks)),
        "windows": {
            "suffix": {"text": windows.suffix.text, "tokens": suffix},
            "prefix": {"text": windows.prefix.text, "tokens": prefix},
        },
        "order": list(order),
        "counted_by": counted_by,
        "ms": round(ms, 2),
    }


def measuring(
    assembly: Assembly, windows: Windows, layout: Layout, *, version: int
) -> GenerateRequest:
    """What asks an engine for the `counts` of `described`; a `version` of its own each time."""
    *chunks, suffix, prefix = (
        Segment(f"preview:{number}", version, text)
        for number, text in enumerate(texts(assembly, windows))
    )
    return GenerateRequest(
        document="preview",
        context=tuple(chunks),
        prefix=prefix,
        suffix=suffix,
        layout=layout,
        measure=True,
        priority=Priority.ASSIST,
    )


def order_of(placement: str, layout: Layout) -> tuple[str, ...]:
    """How chunks and windows follow each other in a prompt."""
    if layout is Layout.LEFT_TO_RIGHT:
        return ("chunks", "prefix")
    if layout is Layout.PSM:
        return ("chunks", "prefix", "suffix")
    if placement == "before":
        return ("chunks", "suffix", "prefix")
    return ("suffix", "chunks", "prefix")


def as_text(shown: dict[str, Any]) -> str:
    """The same to be read on a terminal."""
    windows, chunks = shown["windows"], shown["chunks"]
    total = shown["tokens"] + sum(windows[p]["tokens"] for p in shown["order"] if p in windows)
    lines = [
        f"The model ({shown['counted_by']}) would read {total} tokens, in this order:",
        "",
    ]
    for part in shown["order"]:
        if part != "chunks":
            where = "after" if part == "suffix" else "before"
            text = windows[part]["text"]
            size = f"{windows[part]['tokens']} tokens, {_lines(text)} lines"
            lines += [f"━━ this file, {where} the cursor: {size}", ""]
            continue
        room = f"{shown['tokens']} of {shown['budget_tokens']} tokens that there is room for"
        lines.append(f"━━ the rest of the project: {room}; chosen in {shown['ms']} ms")
        if not chunks:
            lines.append("   nothing")
        for chunk in chunks:
            lines += ["", f"── {chunk['path']}: {chunk['tokens']} tokens"]
            for piece in chunk["pieces"]:
                name = piece["name"] or "text"
                lines.append(
                    f"   {piece['score']:5.2f}  {name}, line {piece['line']}, {piece['form']}: "
                    f"{'; '.join(piece['reasons'])}"
                )
            lines += [f"   │ {line}".rstrip() for line in chunk["text"].rstrip("\n").split("\n")]
        lines.append("")
    lines += _left_out(shown["left_out"])
    lines.append(
        "Numbers before names are scores: how much speaks for showing them, reasons added up."
    )
    return "\n".join(lines)


def _left_out(left_out: list[dict[str, Any]]) -> list[str]:
    if not left_out:
        return []
    why: dict[str, int] = {}
    for left in left_out:
        why[left["why"]] = why.get(left["why"], 0) + 1
    counted = ", ".join(f"{n} {reason}" for reason, n in sorted(why.items(), key=lambda w: -w[1]))
    lines = [f"━━ left out: {counted}; the likeliest"]
    best = sorted(left_out, key=lambda left: -left["score"])[:_MOST_LEFT_OUT]
    for left in best:
        reasons = "; ".join(left["reasons"])
        lines.append(f"   {left['score']:5.2f}  {left['path']}: {left['name']}, {left['why']}")
        lines[-1] += f" ({reasons})" if reasons else ""
    return [*lines, ""]


def _lines(text: str) -> int:
    return text.count("\n") + bool(text and not text.endswith("\n"))
