"""Documents beyond the resident sequences come back without a prefill, also after a restart."""

from __future__ import annotations

import os
import resource
import stat
from pathlib import Path

import pytest

from codellama_lsp import dirs
from codellama_lsp.engine.backend import CancelFlag
from codellama_lsp.engine.protocol import GenerateRequest, GenerateResult, Segment
from codellama_lsp.engine.worker import warmth
from codellama_lsp.engine.worker.backend import LlamaBackend
from codellama_lsp.engine.worker.settings import WorkerSettings

pytestmark = pytest.mark.engine


def texts(result: GenerateResult) -> list[str]:
    """What was generated; its probabilities differ by a batch's rounding."""
    return [candidate.text for candidate in result.candidates]


def loaded(path: Path, **settings: int) -> LlamaBackend:
    made = LlamaBackend(
        WorkerSettings(path, extra_buffers=False, context_tokens=2048, sequences=4, **settings)
    )
    made.load(lambda share: None)
    return made


def ask(backend: LlamaBackend, number: int, **more: int) -> GenerateResult:
    text = "".join(f"value_{number}_{line} = compute({line})\n" for line in range(12)) + "resul"
    request = GenerateRequest(
        f"doc{number}",
        Segment(f"p{number}", 1, text),
        Segment(f"s{number}", 1, f"\nprint(result_{number})\n" * 3),
        **({"max_tokens": 12} | more),
    )
    return backend.generate(request, lambda *_: None, CancelFlag())


def test_six_documents_on_four_sequences(embedded_path: Path) -> None:
    backend = loaded(embedded_path)
    first = [ask(backend, number) for number in range(6)]
    assert min(result.tokens.fresh for result in first) > 100
    for number in (0, 1, 5, 2, 4, 3, 0):
        again = ask(backend, number)
        assert again.tokens.fresh <= 16
        assert texts(again) == texts(first[number])
    backend.close()


def test_without_memory_for_it_nothing_is_parked(embedded_path: Path) -> None:
    backend = loaded(embedded_path, park_mb=0)
    for number in range(6):
        ask(backend, number)
    assert ask(backend, 0).tokens.fresh > 100
    backend.close()


def test_parked_documents_stay_within_their_bound(embedded_path: Path) -> None:
    backend = loaded(embedded_path, park_mb=1)
    for number in range(12):
        ask(backend, number)
        parked = backend.loaded()[2].lot.states()
        assert sum(len(state.data or b"") for state in parked) <= 2**20
    assert parked
    backend.close()


def warm_files() -> list[Path]:
    return list((dirs.cache_dir() / "warm").rglob("*.kv"))


def test_a_restart_does_not_pay_again(embedded_path: Path) -> None:
    backend = loaded(embedded_path, warm_cache_mb=64)
    before = [ask(backend, number) for number in range(2)]
    backend.close()
    assert len(warm_files()) == 2
    for path in warm_files():
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    backend = loaded(embedded_path, warm_cache_mb=64)
    for number in range(2):
        after = ask(backend, number)
        assert after.tokens.fresh <= 16
        assert texts(after) == texts(before[number])
    backend.close()


def test_off_means_nothing_on_disk(embedded_path: Path) -> None:
    backend = loaded(embedded_path)
    ask(backend, 0)
    backend.close()
    assert not warm_files()


def test_damaged_files_cost_a_prefill_and_nothing_else(embedded_path: Path) -> None:
    backend = loaded(embedded_path, warm_cache_mb=64)
    before = [ask(backend, number) for number in range(3)]
    backend.close()
    whole, cut, turned = sorted(warm_files())
    cut.write_bytes(cut.read_bytes()[:-100])
    content = bytearray(turned.read_bytes())
    content[-50] ^= 255
    turned.write_bytes(content)
    # The cells of other tokens than those that it names.
    content = bytearray(whole.read_bytes())
    content[64] ^= 1
    whole.write_bytes(content)
    (whole.parent / "empty.kv").touch()
    (whole.parent / "nonsense.kv").write_bytes(b"\xff" * 99)
    backend = loaded(embedded_path, warm_cache_mb=64)
    for number in range(3):
        after = ask(backend, number)
        assert texts(after) == texts(before[number])
        assert after.tokens.fresh > 16
    backend.close()


def test_a_full_disk_costs_the_warm_cache_and_nothing_else(
    embedded_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    backend = loaded(embedded_path, warm_cache_mb=64)
    before = [ask(backend, 0)]
    rest(backend)
    (kept,) = warm_files()
    usual = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, usual[1]))
    try:
        before.append(ask(backend, 1))
        rest(backend)
        backend.close()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, usual)
    said = {record.getMessage() for record in caplog.records if record.levelname == "WARNING"}
    assert said == {"the warm cache could not be written (File too large)"}
    assert list(kept.parent.iterdir()) == [kept]
    again = loaded(embedded_path, warm_cache_mb=64)
    for number, fresh in enumerate((range(17), range(17, 10_000))):
        after = ask(again, number)
        assert texts(after) == texts(before[number])
        assert after.tokens.fresh in fresh
    rest(again)
    again.close()
    assert len(warm_files()) == 2


def test_a_disk_with_room_again_is_written_to_again(
    embedded_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    backend = loaded(embedded_path, warm_cache_mb=64)
    usual = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, usual[1]))
    try:
        ask(backend, 0)
        rest(backend)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, usual)
    ask(backend, 1)
    rest(backend)
    assert not warm_files()
    monkeypatch.setattr(warmth, "_RETRY_S", 0.0)
    monkeypatch.setattr(warmth, "_AGAIN_S", 0.0)
    rest(backend)
    assert len(warm_files()) == 2
    backend.close()


def test_other_models_files_count(embedded_path: Path) -> None:
    backend = loaded(embedded_path, warm_cache_mb=1)
    left = dirs.cache_dir() / "warm" / "0123456789abcdef" / f"{'0' * 32}.kv"
    left.parent.mkdir(parents=True)
    left.write_bytes(bytes(2**19))
    os.utime(left, (1, 1))
    abandoned = left.with_suffix(".4711")
    abandoned.touch()
    os.utime(abandoned, (1, 1))
    for number in range(12):
        ask(backend, number)
    backend.close()
    assert not left.parent.exists()
    assert sum(path.stat().st_size for path in warm_files()) <= 2**20 + 4096


def test_the_disk_cache_is_bounded(embedded_path: Path) -> None:
    backend = loaded(embedded_path, warm_cache_mb=1)
    for number in range(12):
        ask(backend, number)
    backend.close()
    assert sum(path.stat().st_size for path in warm_files()) <= 2**20 + 4096
    assert warm_files()


def rest(backend: LlamaBackend) -> None:
    while backend.rest():
        pass


def test_others_that_slow_decoding_down_are_parked_and_come_back(embedded_path: Path) -> None:
    backend = loaded(embedded_path)
    cache = backend.loaded()[2]
    first = [ask(backend, number) for number in range(3)]
    cache.comfortable_cells = 10_000
    rest(backend)
    assert len(cache.latest_first()) == 3
    cache.comfortable_cells = 200
    rest(backend)
    assert len(cache.latest_first()) == 2
    cache.comfortable_cells = 0
    rest(backend)
    assert len(cache.latest_first()) == 1
    assert ask(backend, 2).tokens.fresh == 1
    for number in (0, 1):
        again = ask(backend, number)
        assert again.tokens.fresh <= 16
        assert texts(again) == texts(first[number])
    backend.close()


def test_nothing_is_parked_that_would_be_lost(embedded_path: Path) -> None:
    backend = loaded(embedded_path, park_mb=0)
    ask(backend, 0)
    ask(backend, 1)
    backend.loaded()[2].comfortable_cells = 0
    rest(backend)
    assert ask(backend, 0).tokens.fresh == 1
    backend.close()


def test_a_kill_after_a_rest_does_not_lose_the_warm_cache(embedded_path: Path) -> None:
    backend = loaded(embedded_path, warm_cache_mb=64)
    before = [ask(backend, number) for number in range(2)]
    rest(backend)
    # Never closed, as if killed.
    after = loaded(embedded_path, warm_cache_mb=64)
    for number in range(2):
        again = ask(after, number)
        assert again.tokens.fresh <= 16
        assert texts(again) == texts(before[number])
    assert len(warm_files()) == 2
    after.close()


def test_a_document_that_goes_on_replaces_its_older_file(
    embedded_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(warmth, "_AGAIN_S", 0.0)
    backend = loaded(embedded_path, warm_cache_mb=64)
    for length in (8, 10, 12):
        ask(backend, 0, max_tokens=length)
        rest(backend)
    backend.close()
    assert len(warm_files()) == 1
