"""What an engine process does about being a process, before and after it serves.

Its stdin carries the token and nothing else, its stdout is thrown away (native code prints),
its stderr is a log. Only this module and `spawn.py` know the two ends of that agreement.
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import logging
import os
import signal
import sys
from pathlib import Path

from codellama_lsp.engine.backend import Backend, CancelFlag, Emit, Report
from codellama_lsp.engine.bell import Bell, bell_of
from codellama_lsp.engine.host import EngineHost
from codellama_lsp.engine.journal import Journal, JournaledBackend
from codellama_lsp.engine.placing import KeptOff
from codellama_lsp.engine.protocol import (
    EngineInfo,
    EngineStartError,
    GenerateRequest,
    GenerateResult,
)
from codellama_lsp.engine.quiet import DEFAULT_NICE, Machine, Quiet
from codellama_lsp.engine.spec import EngineSpec, LoadValue
from codellama_lsp.models.catalogue import EMBEDDED_PATH

TOKEN_VARIABLE = "CODELLAMA_LSP_ENGINE_TOKEN"
MIN_TOKEN_CHARS = 16
_SWITCH_S = 0.0005
_PR_SET_PDEATHSIG = 1


def make_backend(spec: EngineSpec) -> Backend:
    """The backend for `spec`, nothing loaded yet; raises `EngineStartError`."""
    if spec.script is not None:
        from codellama_lsp.engine.scripted import ScriptedBackend

        return ScriptedBackend(spec.script)
    if spec.model is None:
        raise EngineStartError("no model is chosen", "Pass --model NAME or PATH.")
    try:
        import codellama_lsp.engine.worker.library  # noqa: F401
    except ImportError as error:
        raise EngineStartError(
            "llama-cpp-python is not installed", "Run: pip install 'codellama-lsp[llama]'"
        ) from error
    except (OSError, RuntimeError) as error:
        raise EngineStartError(
            f"llama.cpp's library cannot be loaded ({type(error).__name__})",
            "Run: pip install --force-reinstall --no-cache-dir llama-cpp-python",
        ) from error
    return _make_llama_backend(spec.model, dict(spec.load))


def _make_llama_backend(model: Path, load: dict[str, LoadValue]) -> Backend:
    from codellama_lsp.engine.worker.backend import LlamaBackend
    from codellama_lsp.engine.worker.settings import WorkerSettings

    try:
        settings = WorkerSettings(model_path=model, **load)  # type: ignore[arg-type]
    except TypeError as error:
        raise EngineStartError("the load settings are not those of this version") from error
    return LlamaBackend(settings, EMBEDDED_PATH)


class LazyBackend:
    """Makes its backend when it loads: importing llama.cpp takes long, clients want a sign of life.

    Implements `Backend`; whatever goes wrong while making it is told to every client.
    """

    def __init__(self, spec: EngineSpec) -> None:
        self._spec = spec
        self._backend: Backend | None = None

    def load(self, report: Report) -> EngineInfo:
        """Make and load the backend."""
        self._backend = make_backend(self._spec)
        return self._backend.load(report)

    def generate(self, request: GenerateRequest, emit: Emit, cancel: CancelFlag) -> GenerateResult:
        """As the backend does."""
        assert self._backend is not None
        return self._backend.generate(request, emit, cancel)

    def unfinished(self) -> GenerateRequest | None:
        """As the backend does."""
        return None if self._backend is None else self._backend.unfinished()

    def rest(self) -> bool:
        """As the backend does."""
        return self._backend is not None and self._backend.rest()

    def clear(self) -> None:
        """As the backend does."""
        if self._backend is not None:
            self._backend.clear()

    def close(self) -> None:
        """As the backend does."""
        if self._backend is not None:
            self._backend.close()


def read_token() -> str:
    """The secret that clients must know: stdin's first line, else from the environment."""
    token = os.environ.pop(TOKEN_VARIABLE, "")
    if not token and sys.stdin is not None and not sys.stdin.isatty():
        token = sys.stdin.readline(200).strip()
    if len(token) < MIN_TOKEN_CHARS:
        raise EngineStartError(
            f"no token of at least {MIN_TOKEN_CHARS} characters on stdin",
            f"This command is for `codellama-lsp serve`; by hand, set {TOKEN_VARIABLE}.",
        )
    return token


def die_with_parent(parent_pid: int) -> None:
    """Let the kernel end this process when its parent dies, where the kernel can (Linux)."""
    if sys.platform != "linux":
        return
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != parent_pid:
        # It died before the kernel was asked.
        raise EngineStartError("the process that started this engine is gone")


def serve(
    spec: EngineSpec,
    socket: Path,
    token: str,
    *,
    linger_s: float,
    first_client_s: float,
    nice: int = DEFAULT_NICE,
) -> None:
    """Serve until the last client has gone; raises `EngineStartError`."""
    os.environ["GGML_NO_BACKTRACE"] = "1"
    # The decode thread comes back from llama.cpp hundreds of times a second and must not wait for
    # the other thread's turn to end.
    sys.setswitchinterval(_SWITCH_S)
    logging.basicConfig(
        stream=sys.stderr,
        level=logging.INFO,
        format=f"%(asctime)s {os.getpid()} %(levelname)s %(name)s: %(message)s",
    )
    # asyncio logs the text of what went wrong, which may quote a request.
    logging.getLogger("asyncio").setLevel(logging.CRITICAL)
    try:
        journal = Journal(socket, spec.identity)
        bell = Bell.make(bell_of(socket))
    except OSError as error:
        raise EngineStartError(f"cannot keep files beside {socket}: {error.strerror}") from error
    host = EngineHost(
        JournaledBackend(LazyBackend(spec), journal),
        token,
        linger_s=linger_s,
        first_client_s=first_client_s,
        quiet=Quiet(Machine().level, nice),
        bell=bell,
        on_core=KeptOff().keep_off,
    )

    async def run() -> None:
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, host.stop)
        try:
            if await host.serve(socket):
                journal.close()
        finally:
            bell_of(socket).unlink(missing_ok=True)

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        asyncio.run(run())
    except OSError as error:
        raise EngineStartError(f"cannot listen on {socket}: {error.strerror}") from error
