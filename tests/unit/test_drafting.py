"""How long drafts are, from what batches cost and how drafts fared."""

from __future__ import annotations

from codellama_lsp.engine.worker.drafting import DraftPolicy

FLAT = {1: 1.0, 16: 1.2}
STEEP = {1: 1.0, 2: 2.2, 4: 2.3, 8: 2.5, 16: 4.8}
LINEAR = {1: 1.0, 16: 16.0}


def test_costs_are_interpolated() -> None:
    policy = DraftPolicy({1: 1.0, 3: 2.0, 5: 6.0})
    assert policy.cost(2) == 1.5
    assert policy.cost(3) == 2.0
    assert policy.cost(7) == 10.0


def test_cheap_batches_are_filled_and_dear_ones_are_not() -> None:
    assert DraftPolicy(FLAT).length(40, room=15) > 2
    assert DraftPolicy(LINEAR).length(40, room=15) == 0
    assert DraftPolicy({}).length(40, room=15) == 0
    assert DraftPolicy(FLAT).length(40, room=0) == 0


def test_where_the_second_token_is_dear_only_long_drafts_pay() -> None:
    policy = DraftPolicy(STEEP)
    for _ in range(20):
        policy.learn(100, drafted=8, accepted=8)
    assert policy.length(100, room=15) >= 5
    assert policy.length(100, room=1) == 0


def test_it_learns_to_leave_it() -> None:
    policy = DraftPolicy(FLAT)
    for _ in range(50):
        policy.learn(5, drafted=6, accepted=0)
    assert policy.length(5, room=15) == 0
    assert policy.length(40, room=15) > 0


def test_what_did_not_pay_is_tried_again_in_time() -> None:
    policy = DraftPolicy({1: 1.0, 16: 2.0})
    while policy.length(8, 15):
        policy.learn(8, 15, 0)
    lengths = [policy.length(8, 15) for _ in range(400)]
    assert [length for length in lengths if length] == [3, 3]
    for _ in range(200):
        policy.learn(8, 3, 3)
    assert policy.length(8, 15) > 3


def test_models_that_are_quick_anyway_draft_nothing() -> None:
    assert DraftPolicy({1: 0.001, 16: 0.001}, 0.002).length(64, 15) == 0
    assert DraftPolicy({1: 0.003, 16: 0.003}, 0.002).length(64, 15) > 0
