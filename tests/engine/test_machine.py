"""The crash probe: asked once in a child process, then remembered."""

from __future__ import annotations

from pathlib import Path

import pytest

from codellama_lsp.engine.worker import machine

pytestmark = pytest.mark.engine


def test_the_answer_is_remembered(embedded_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Path] = []
    real = machine._try

    def count(model: Path) -> bool:
        asked.append(model)
        return real(model)

    monkeypatch.setattr(machine, "_try", count)
    first = machine.extra_buffers(embedded_path)
    again = machine.extra_buffers(embedded_path)
    assert first.works == again.works
    assert (first.how, again.how) == ("probed now", "probed earlier on this machine")
    assert len(asked) == 1


def test_a_child_that_dies_means_no(tmp_path: Path) -> None:
    broken = tmp_path / "broken.gguf"
    broken.write_bytes(b"GGUF" + b"\xff" * 64)
    assert not machine.extra_buffers(broken).works


def test_there_is_at_least_one_core() -> None:
    assert machine.physical_cores() >= 1
