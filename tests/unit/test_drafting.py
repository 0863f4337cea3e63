"""How long drafts are, from what batches cost and what came of proposals."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from codellama_lsp import dirs
from codellama_lsp.engine.worker.drafting import (
    KINDS,
    LONGEST_DRAFT,
    DraftPolicy,
    Forecasts,
    TablePolicy,
    kind_of,
)
from codellama_lsp.engine.worker.habits import Habits

FLAT = {1: 1.0, 16: 1.2}
STEEP = {1: 1.0, 2: 2.2, 4: 2.3, 8: 2.5, 16: 4.8}
LINEAR = {1: 1.0, 16: 16.0}
SURE, SHORT = kind_of(100, 1.0), kind_of(5, 0.3)


def taught(costs: dict[int, float], kind: int, *, proposed: int, true: int) -> DraftPolicy:
    policy = DraftPolicy(costs)
    for _ in range(60):
        policy.learn(kind, proposed, true)
    return policy


def test_costs_are_interpolated() -> None:
    policy = DraftPolicy({1: 1.0, 3: 2.0, 5: 6.0})
    assert policy.cost(2) == 1.5
    assert policy.cost(3) == 2.0
    assert policy.cost(7) == 10.0


def test_kinds_are_told_apart_by_match_and_agreement() -> None:
    kinds = [kind_of(chars, share) for chars in (4, 8, 16, 32, 64) for share in (0.5, 1.0)]
    assert kinds == list(range(KINDS))
    assert kind_of(1, 0.0) == 0
    assert kind_of(1000, 1.0) == KINDS - 1


def test_nothing_is_drafted_before_anything_came_true() -> None:
    assert [DraftPolicy(FLAT).length(kind, 15) for kind in range(KINDS)] == [0] * KINDS


def test_cheap_batches_are_filled_and_dear_ones_are_not() -> None:
    assert taught(FLAT, SURE, proposed=15, true=15).length(SURE, 15) == 15
    assert taught(FLAT, SURE, proposed=15, true=15).length(SURE, 0) == 0
    assert taught(LINEAR, SURE, proposed=15, true=15).length(SURE, 15) == 0
    assert taught({}, SURE, proposed=15, true=15).length(SURE, 15) == 0


def test_where_the_second_token_is_dear_only_long_drafts_pay() -> None:
    policy = taught(STEEP, SURE, proposed=8, true=8)
    assert policy.length(SURE, 15) >= 5
    assert policy.length(SURE, 1) == 0


def test_a_draft_ends_where_proposals_tend_to_fail() -> None:
    policy = taught({1: 1.0, 16: 2.5}, SURE, proposed=15, true=4)
    assert policy.length(SURE, 15) == 4


def test_what_fails_is_left_and_what_comes_true_again_is_drafted_again() -> None:
    policy = taught(FLAT, SHORT, proposed=6, true=6)
    for _ in range(300):
        policy.learn(SHORT, 6, 0)
    assert policy.length(SHORT, 15) == 0
    for _ in range(300):
        policy.learn(SHORT, 6, 6)
    assert policy.length(SHORT, 15) > 3


def test_models_that_are_quick_anyway_draft_nothing() -> None:
    assert not DraftPolicy({1: 0.001, 16: 0.001}, 0.002).looks()
    assert DraftPolicy({1: 0.003, 16: 0.003}, 0.002).looks()
    assert not DraftPolicy(LINEAR).looks()


def test_where_nothing_pays_for_long_it_is_seldom_looked_for() -> None:
    policy = DraftPolicy(FLAT)
    assert all(policy.looks() for _ in range(20))
    for kind in range(KINDS):
        for _ in range(90):
            policy.learn(kind, 5, 0)
    assert sum(policy.looks() for _ in range(80)) == 10
    for _ in range(90):
        policy.learn(SURE, 5, 5)
    assert all(policy.looks() for _ in range(20))


def test_costs_measured_under_load_are_mended_by_a_few_batches() -> None:
    policy = taught({1: 1.0, 16: 1.02}, SURE, proposed=15, true=2)
    batches = 0
    while length := policy.length(SURE, 15):
        policy.took(1 + length, 1.0 + length)
        batches += 1
    assert 0 < batches < 20


def test_load_that_slows_everything_down_changes_nothing() -> None:
    policy = taught(STEEP, SURE, proposed=8, true=8)
    before = policy.length(SURE, 15)
    for _ in range(40):
        policy.took(1, 3.0)
        policy.took(before + 1, 3.0 * 2.5)
    assert policy.cost(1) == pytest.approx(3.0, rel=0.1)
    assert policy.length(SURE, 15) == before


def test_one_odd_batch_changes_little() -> None:
    policy = DraftPolicy(STEEP)
    policy.took(8, 1000.0)
    assert policy.cost(8) < 1.25 * STEEP[8]


def test_a_table_is_not_followed() -> None:
    policy = TablePolicy(STEEP)
    policy.took(1, 50.0)
    assert policy.cost(1) == 1.0


class Noted(DraftPolicy):
    def __init__(self) -> None:
        super().__init__(FLAT)
        self.seen: list[tuple[int, int, int]] = []

    def learn(self, kind: int, proposed: int, came_true: int) -> None:
        self.seen.append((kind, proposed, came_true))


def check_forecasts(
    proposals: dict[int, list[int]], text: list[int], expected: list[tuple[int, int, int]]
) -> None:
    """`proposals` by how many tokens of `text` stood there when they were made."""
    policy = Noted()
    forecasts = Forecasts(policy)
    for number, token in enumerate(text):
        forecasts.propose(number, proposals.get(number, []))
        forecasts.came(token)
    forecasts.end()
    assert policy.seen == expected


def test_forecasts_are_compared_with_what_comes() -> None:
    check_forecasts({0: [1, 2, 3]}, [1, 2, 3, 4], [(0, 3, 3)])
    check_forecasts({0: [1, 2, 9]}, [1, 2, 3, 4], [(0, 3, 2)])
    check_forecasts({0: [9, 2, 3]}, [1, 2, 3, 4], [(0, 3, 0)])
    check_forecasts({0: [1, 2, 9], 1: [2, 3]}, [1, 2, 3], [(0, 3, 2), (1, 2, 2)])
    check_forecasts({}, [1, 2], [])


def test_a_forecast_that_the_end_cuts_short_has_not_failed() -> None:
    check_forecasts({0: [1, 2, 3, 4]}, [1, 2], [(0, 2, 2)])


def habits_file(model: Path) -> Path:
    (file,) = (dirs.cache_dir() / "drafts").glob("*.json")
    return file


@pytest.fixture
def model(tmp_path: Path) -> Path:
    path = tmp_path / "a.gguf"
    path.write_bytes(b"GGUF")
    return path


def test_the_next_start_knows_what_was_learnt(model: Path) -> None:
    policy = taught(FLAT, SURE, proposed=8, true=8)
    Habits(model, policy).keep()
    file = habits_file(model)
    assert file.stat().st_mode & 0o777 == 0o600
    assert file.parent.stat().st_mode & 0o777 == 0o700
    again = DraftPolicy(FLAT)
    Habits(model, again)
    assert again.length(SURE, 15) == policy.length(SURE, 15) > 0
    # New evidence weighs more than old.
    for _ in range(40):
        again.learn(SURE, 8, 0)
        policy.learn(SURE, 8, 0)
    assert again.counts()[SURE][0][0] < policy.counts()[SURE][0][0]


def test_another_model_file_knows_nothing(model: Path) -> None:
    Habits(model, taught(FLAT, SURE, proposed=8, true=8)).keep()
    model.write_bytes(b"GGUF of another size")
    again = DraftPolicy(FLAT)
    Habits(model, again)
    assert again.length(SURE, 15) == 0


@pytest.mark.parametrize(
    "text",
    ["", "{", "null", "[]", "[1]", json.dumps([[[1.0], [2.0]]] * KINDS),
     json.dumps([[[1.0] * LONGEST_DRAFT, [2.0] * LONGEST_DRAFT]] * KINDS),
     json.dumps([[["a"] * LONGEST_DRAFT] * 2] * KINDS),
     json.dumps([[[float("nan")] * LONGEST_DRAFT] * 2] * KINDS)],
)  # fmt: skip
def test_a_damaged_file_is_as_none(model: Path, text: str) -> None:
    Habits(model, taught(FLAT, SURE, proposed=8, true=8)).keep()
    habits_file(model).write_text(text)
    policy = DraftPolicy(FLAT)
    Habits(model, policy)
    assert policy.counts() == DraftPolicy(FLAT).counts()


def test_a_place_that_cannot_be_written_is_given_up(model: Path) -> None:
    dirs.cache_dir().parent.mkdir(parents=True, exist_ok=True)
    dirs.cache_dir().write_text("a file is here")
    policy = taught(FLAT, SURE, proposed=8, true=8)
    habits = Habits(model, policy)
    habits.keep()
    policy.learnt = 1000
    habits.keep()
    assert policy.learnt == 1000  # not tried again
