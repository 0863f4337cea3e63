"""The counts as numbers and as text for a terminal. Every rate says what it is a rate of."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from codellama_lsp.completion.outcome import Outcome
from codellama_lsp.telemetry.ledger import Key, latency_of

_PERCENTILES = (50, 90, 95, 99)
_BAR_CHARS = 32

#: What can become of a suggestion, and how it is said.
EVENTS = {
    "offered": "offered to the editor",
    "shown": "shown (where the editor says so)",
    "accepted": "accepted",
    "partially": "accepted in part",
    "rejected": "shown and not taken",
    "typed": "shown and typed by hand",
    "kept": "kept 30 s after accepting",
    "changed": "changed within 30 s",
}

#: Rates of suggestions: name, part, whole, in words. Those of what was shown are counted over the
#: editors that say what they show.
_RATES = (
    ("accepted_of_offered", "accepted", ("offered",), "accepted, of suggestions offered"),
    ("partially_of_offered", "partially", ("offered",), "in part, of suggestions offered"),
    ("accepted_of_shown", "accepted", ("shown",), "accepted, of suggestions shown"),
    ("partially_of_shown", "partially", ("shown",), "in part, of suggestions shown"),
    ("rejected_of_shown", "rejected", ("shown",), "not taken, of suggestions shown"),
    ("kept_of_looked_at", "kept", ("kept", "changed"), "kept, of accepted ones seen after 30 s"),
)
_RATES_OF_REQUESTS = {
    "offered_of_requests": "answered with a suggestion, of requests",
    "cached_of_offered": "known without the model, of those answered",
}
IN_WORDS = {**_RATES_OF_REQUESTS, **{name: words for name, _, _, words in _RATES}}


def summary(rows: Iterable[tuple[Key, int]]) -> dict[str, Any]:
    """All numbers, ready for JSON."""
    outcomes: Counter[str] = Counter()
    reasons: Counter[str] = Counter()
    asked: Counter[str] = Counter()
    classes: dict[str, Counter[int]] = {"offered": Counter(), "cached": Counter()}
    events: dict[str, Counter[str]] = {}
    by: dict[str, dict[str, dict[str, Counter[str]]]] = {"language": {}, "plan": {}, "client": {}}
    days: set[str] = set()
    for key, n in rows:
        days.add(key.day)
        if key.kind == "ms":
            classes.setdefault(key.plan, Counter())[int(key.what)] += n
        elif key.kind == "asked":
            asked[key.what] += n
        elif key.kind == "event":
            events.setdefault(key.client, Counter())[key.what] += n
            for name, groups in by.items():
                group = groups.setdefault(getattr(key, name) or "unknown", {})
                group.setdefault(key.client, Counter())[key.what] += n
        else:
            outcomes[key.what] += n
            if not Outcome(key.what).has_items:
                reasons[f"{key.what}: {key.detail}" if key.detail else key.what] += n
    return {
        "since": min(days, default=None),
        "days": len(days),
        "requests": outcomes.total(),
        "outcomes": {outcome.value: outcomes[outcome.value] for outcome in Outcome},
        "asked": {who: asked[who] for who in ("visible", "ahead")},
        "events": _all_events(events),
        "rates": {**_rates_of_requests(outcomes), **rates(events)},
        "ms": {name: percentiles(counts) for name, counts in classes.items()},
        "nothing": dict(reasons.most_common()),
        "by": {
            name: {
                group: {**_all_events(clients), "rates": rates(clients)}
                for group, clients in sorted(groups.items())
            }
            for name, groups in by.items()
        },
    }


def rates(clients: Mapping[str, Counter[str]]) -> dict[str, float | None]:
    """Shares from 0 to 1 of the events of clients; None where there is nothing to take one of."""
    found: dict[str, float | None] = {}
    for name, part, whole, _ in _RATES:
        # A client that never says what it shows would make the share of shown ones too large.
        counted = [c for c in clients.values() if whole != ("shown",) or c["shown"]]
        total = sum(events[event] for events in counted for event in whole)
        found[name] = _share(sum(events[part] for events in counted), total)
    return found


def _rates_of_requests(outcomes: Mapping[str, int]) -> dict[str, float | None]:
    answered = outcomes["offered"] + outcomes["cached"]
    return {
        "offered_of_requests": _share(answered, sum(outcomes.values())),
        "cached_of_offered": _share(outcomes["cached"], answered),
    }


def _all_events(clients: Mapping[str, Counter[str]]) -> dict[str, int]:
    return {event: sum(counts[event] for counts in clients.values()) for event in EVENTS}


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
    days = f"{numbers['days']} day{'s' if numbers['days'] != 1 else ''}"
    lines = [f"{numbers['requests']} requests on {days} since {numbers['since']}"]
    lines += ["", "How they ended", *_bars(numbers["outcomes"])]
    if numbers["nothing"]:
        lines += ["", "Why there was nothing", *_bars(numbers["nothing"])]
    asked = numbers["asked"]
    told = {"for a request": asked["visible"], "ahead of one": asked["ahead"]}
    lines += ["", "How often the model was asked", *_bars(told)]
    if any(numbers["events"].values()):
        told = {EVENTS[event]: n for event, n in numbers["events"].items()}
        lines += ["", "What became of suggestions", *_bars(told)]
    lines += ["", "Rates"]
    for name, rate in numbers["rates"].items():
        if rate is not None:
            bar = "█" * round(rate * _BAR_CHARS)
            lines.append(f"  {IN_WORDS[name]:44} {rate:6.1%}  {bar}".rstrip())
    for name, times in numbers["ms"].items():
        if times:
            lines += ["", f"Time until a suggestion, {name} (ms)", *_bars(times)]
    for name, groups in numbers["by"].items():
        if groups:
            lines += ["", *_table(name, groups)]
    return "\n".join(lines)


def _table(name: str, groups: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """What became of the suggestions of each group, a line each."""
    lines = [f"  {'by ' + name:20}" + "".join(f"{event:>10}" for event in EVENTS)]
    for group, counts in groups.items():
        lines.append(f"  {group[:20]:20}" + "".join(f"{counts[event]:10}" for event in EVENTS))
        told = [
            f"{rate:.1%} {IN_WORDS[rate_name]}"
            for rate_name, rate in counts["rates"].items()
            if rate
        ]
        lines += [f"    {'; '.join(told)}"] if told else []
    return lines


def _bars(counts: Mapping[str, float]) -> list[str]:
    most = max(counts.values(), default=0)
    return [
        f"  {name[:40]:40} {n:7g}  {'█' * max(1, round(n / most * _BAR_CHARS))}"
        for name, n in counts.items()
        if n
    ]
