"""The counts as numbers and as text for a terminal. Every rate says what it is a rate of."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from codellama_lsp.completion.outcome import Outcome
from codellama_lsp.telemetry.ledger import Key, latency_of

_PERCENTILES = (50, 90, 95, 99)
EVENTS = ("shown", "accepted", "partially", "rejected", "kept", "changed")
_BAR_CHARS = 32


def summary(rows: Iterable[tuple[Key, int]]) -> dict[str, Any]:
    """All numbers, ready for JSON."""
    outcomes: Counter[str] = Counter()
    reasons: Counter[str] = Counter()
    events: Counter[str] = Counter()
    classes: dict[str, Counter[int]] = {"offered": Counter(), "cached": Counter()}
    by: dict[str, dict[str, Counter[str]]] = {"language": {}, "plan": {}, "client": {}}
    days: set[str] = set()
    for key, n in rows:
        days.add(key.day)
        if key.kind == "ms":
            classes.setdefault(key.plan, Counter())[int(key.what)] += n
            continue
        if key.kind == "event":
            events[key.what] += n
        else:
            outcomes[key.what] += n
            if not Outcome(key.what).has_items:
                reasons[f"{key.what}: {key.detail}" if key.detail else key.what] += n
        for name, groups in by.items():
            group = getattr(key, name) or "unknown"
            groups.setdefault(group, Counter())[key.what] += n
    return {
        "since": min(days, default=None),
        "days": len(days),
        "requests": outcomes.total(),
        "outcomes": {outcome.value: outcomes[outcome.value] for outcome in Outcome},
        "events": {event: events[event] for event in EVENTS},
        "rates": rates(outcomes, events),
        "ms": {name: percentiles(counts) for name, counts in classes.items()},
        "nothing": dict(reasons.most_common()),
        "by": {
            name: {
                group: {"offered": counts["offered"], **{e: counts[e] for e in EVENTS}}
                for group, counts in sorted(groups.items())
            }
            for name, groups in by.items()
        },
    }


def rates(outcomes: Mapping[str, int], events: Mapping[str, int]) -> dict[str, float | None]:
    """Shares from 0 to 1; None where there is nothing to take a share of."""
    offered, shown = outcomes["offered"], events["shown"]
    asked = sum(outcomes.values())
    return {
        "offered_of_requests": _share(offered + outcomes["cached"], asked),
        "cached_of_offered": _share(outcomes["cached"], offered + outcomes["cached"]),
        "accepted_of_offered": _share(events["accepted"], offered),
        "accepted_of_shown": _share(events["accepted"], shown),
        "kept_of_accepted": _share(events["kept"], events["kept"] + events["changed"]),
    }


def _share(part: int, whole: int) -> float | None:
    return round(part / whole, 4) if whole else None


def percentiles(classes: Counter[int]) -> dict[str, float]:
    """Percentiles of counted latencies, in ms, right to within 5%."""
    found: dict[str, float] = {}
    total = classes.total()
    for percentile in _PERCENTILES if total else ():
        seen = 0
        for number in sorted(classes):
            seen += classes[number]
            if seen * 100 >= percentile * total:
                found[f"p{percentile}"] = round(latency_of(number), 1)
                break
    return found


def drawn(numbers: Mapping[str, Any]) -> str:
    """The same for a terminal."""
    if not numbers["requests"]:
        return "Nothing was counted yet: suggestions are counted as an editor asks for them."
    lines = [f"{numbers['requests']} requests on {numbers['days']} days since {numbers['since']}"]
    lines += ["", "How they ended", *_bars(numbers["outcomes"])]
    if numbers["nothing"]:
        lines += ["", "Why there was nothing", *_bars(numbers["nothing"])]
    if any(numbers["events"].values()):
        lines += ["", "What became of suggestions", *_bars(numbers["events"])]
    lines += ["", "Rates"]
    for name, rate in numbers["rates"].items():
        if rate is not None:
            lines.append(f"  {name.replace('_', ' '):28} {rate:6.1%}")
    for name, times in numbers["ms"].items():
        if times:
            figures = "  ".join(f"{p} {ms:g} ms" for p, ms in times.items())
            lines += ["", f"Time until a suggestion, {name}", f"  {figures}"]
    for name, groups in numbers["by"].items():
        lines += ["", f"Offered by {name}"]
        lines += _bars({group: counts["offered"] for group, counts in groups.items()})
    return "\n".join(lines)


def _bars(counts: Mapping[str, int]) -> list[str]:
    most = max(counts.values(), default=0)
    return [
        f"  {name[:40]:40} {n:7}  {'█' * max(1, round(n / most * _BAR_CHARS))}"
        for name, n in counts.items()
        if n
    ]
