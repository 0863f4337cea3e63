"""The outcome of a bench as a table for people and as JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import attrs

from codellama_lsp.evaluation.keystrokes.samples import (
    Row,
    Sample,
    by_class,
    drafts,
    ratios,
    together,
)

_COLUMNS = (
    ("fresh_tokens", "fresh tokens"),
    ("first_token_ms", "to first text, ms"),
    ("first_overhead_ms", "of it overhead, ms"),
    ("overhead_ms", "all overhead, ms"),
    ("total_ms", "total, ms"),
)


@attrs.define
class Report:
    """What was measured so far."""

    model: str
    settings: dict[str, object]
    """How it was measured."""
    ours: list[Sample] = attrs.field(factory=list)
    peer_name: str = ""
    peers: list[Sample] = attrs.field(factory=list)
    interrupted: bool = False

    def as_json(self) -> dict[str, object]:
        """See ``docs/performance.md`` for what each key means."""
        answer: dict[str, object] = {"model": self.model, "settings": self.settings}
        answer |= _part(self.ours)
        answer["drafts"] = drafts(self.ours)
        if self.peers:
            answer["peer"] = {"model": self.model, "server": self.peer_name} | _part(self.peers)
            answer["ratio"] = ratios(self.ours, self.peers)
        if self.interrupted:
            answer["interrupted"] = True
        return answer

    def as_text(self) -> str:
        """A table for each side, and how they compare."""
        said = ", ".join(f"{name} {value}" for name, value in self.settings.items())
        lines = [f"keystrokes: {self.model} ({said})", "", *_table(self.ours)]
        of_drafts = ", ".join(f"{name} {value}" for name, value in drafts(self.ours).items())
        lines.append(f"drafts: {of_drafts}")
        if self.peers:
            lines += ["", f"{self.peer_name}, the same trace", "", *_table(self.peers)]
            lines += ["", "ours divided by llama-server's (typed characters unless named)"]
            lines += [
                f"  {name:22} {ratio:8.4f}" for name, ratio in ratios(self.ours, self.peers).items()
            ]
        return "\n".join(lines)


def _part(samples: Sequence[Sample]) -> dict[str, object]:
    return {
        "classes": _json_rows(by_class(samples)),
        "together": _json_rows(together(samples)),
        "all_tokens": sum(sample.all_tokens for sample in samples),
    }


def _json_rows(rows: Mapping[str, Row]) -> dict[str, object]:
    return {name: row.as_json() for name, row in rows.items()}


def _table(samples: Sequence[Sample]) -> list[str]:
    lines = [
        f"{'':15} {'':>5}" + "".join(f"  {title:>30}" for _, title in _COLUMNS),
        f"{'':15} {'n':>5}" + f"  {'median':>7} {'mean':>7} {'p95':>7} {'max':>6}" * len(_COLUMNS),
    ]
    rows = by_class(samples) | {f"({name})": row for name, row in together(samples).items()}
    for name, row in rows.items():
        line = f"{name:15} {row.n:5}"
        for key, _ in _COLUMNS:
            values = row.values.get(key)
            if values is None:
                line += " " * 33
                continue
            numbers = (_short(values.median), _short(values.mean), _short(values.p95))
            line += "  " + " ".join(f"{n:>7}" for n in numbers) + f" {_short(values.max):>6}"
        lines.append(line)
    ahead = sum(sample.ahead_tokens for sample in samples)
    everything = sum(sample.all_tokens for sample in samples)
    lines.append(f"{everything} tokens evaluated in all, {ahead} of them unasked")
    return lines


def _short(value: float) -> str:
    return f"{value:.0f}" if value >= 1000 or value == int(value) else f"{value:.1f}"
