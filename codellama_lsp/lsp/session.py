"""What one editor connection holds: its settings, its engine, its completer, its counters.

Knows no LSP message; `lsp/` modules translate between messages and this.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import attrs

from codellama_lsp import dirs
from codellama_lsp.completion.exclusion import reason_to_exclude
from codellama_lsp.completion.outcome import Outcome
from codellama_lsp.completion.pipeline import Completer
from codellama_lsp.completion.types import Completion, CompletionRequest, DocumentSnapshot
from codellama_lsp.config.files import SettingsFiles
from codellama_lsp.config.options import Options, read_options
from codellama_lsp.config.settings import Layer, Settings, resolve
from codellama_lsp.context.preview import described, measuring, order_of
from codellama_lsp.engine.backend import Engine
from codellama_lsp.engine.protocol import (
    EngineError,
    EngineStartError,
)
from codellama_lsp.engine.quiet import Machine, cpu_seconds, on_battery, saves_power
from codellama_lsp.engine.spec import EngineSpec
from codellama_lsp.engine.supervisor import EngineStage, EngineState, EngineSupervisor
from codellama_lsp.memory import Pause, give_back
from codellama_lsp.telemetry.counters import Counters
from codellama_lsp.telemetry.ledger import LEDGER_NAME, Ledger
from codellama_lsp.telemetry.log import set_level
from codellama_lsp.telemetry.offers import Offers
from codellama_lsp.telemetry.pace import Pace, Power
from codellama_lsp.workspace.context import WorkspaceContext
from codellama_lsp.workspace.folders import path_of_file

log = logging.getLogger(__name__)

#: Chooses what to run.
ChooseEngine = Callable[[Settings], EngineSpec]

_LAYERS = ("file", "initialization", "configuration", "command_line", "trust", "toggle")
_CLOSE_PATIENCE_S = 0.5
_SETTINGS_PATIENCE_S = 1.0

#: What is still there so long after it was accepted was kept.
KEPT_AFTER_S = 30.0


class Session:
    """One editor's use of this program. Implements `EngineProvider` and `Observer`."""

    def __init__(
        self, choose: ChooseEngine, command_line: Options, kept_after_s: float = KEPT_AFTER_S
    ) -> None:
        self._choose = choose
        self.kept_after_s = kept_after_s
        self._layers = {"command_line": Layer(command_line)}
        self._told: set[str] = set()
        self._supervisor: EngineSupervisor | None = None
        self._leaving: asyncio.Task[None] | None = None
        self._files = SettingsFiles()
        self.settings = Settings()
        """Those that hold where no workspace narrows them."""
        self.engine_state = EngineState(EngineStage.OFF)
        self.running = 0
        self.last_ms: float | None = None
        """How long the model took for its last suggestion."""
        self.here: DocumentSnapshot | None = None
        """What the user looks at, as far as the client tells; without its text."""
        self._machine = Machine(own_cpu_s=lambda: cpu_seconds(self.engine_pid))
        self.pace = Pace(self._power)
        self.counters = Counters()
        self.ledger = Ledger(dirs.data_dir() / LEDGER_NAME)
        self.offers = Offers(self.ledger)
        self._pause = Pause(give_back)
        self.workspace = WorkspaceContext(
            on_state=lambda: self.on_change(), exclude=lambda uri: self.settings_at(uri).exclude
        )
        self._previews = itertools.count(1)
        self._configured = asyncio.Event()
        self.completer = Completer(
            self, self.settings_at, self, self.workspace, configured=self._all_settings
        )
        self.workspace.read_ahead = self.completer.prompts.read_ahead
        self.on_change: Callable[[], None] = lambda: None
        """Called when something that a status line shows has changed."""
        self.on_engine_wanted: Callable[[], None] = lambda: None
        """Called when suggestions were off and are on now, or another model is wanted."""
        self.on_problem: Callable[[str], None] = lambda sentence: None
        """Called once for each thing that is wrong with the settings."""

    # Settings

    def set_folders(self, roots: list[Path]) -> None:
        """The workspace has these folders; each may have a file that narrows the settings."""
        self._files.set_roots(roots)
        self.read_files(now=True)

    def read_files(self, *, now: bool = False) -> None:
        """Take files of settings into account that have changed; without `now`, when it is time."""
        if self._files.look(now=now):
            self._set("file", Layer(self._files.user), self._files.problems)

    def settings_at(self, uri: str) -> Settings:
        """The settings that hold for a document."""
        return self._files.at(self.settings, path_of_file(uri))

    def set_initialization(self, raw: object) -> None:
        """Take the client's `initializationOptions`."""
        source = "initializationOptions"
        options, problems = read_options(raw, source)
        self._set("initialization", Layer(options, source=source), problems)

    def set_configuration(self, raw: object) -> None:
        """Take the section `codellama` of the client's configuration."""
        source = "codellama settings"
        options, problems = read_options(raw, source)
        self._set("configuration", Layer(options, personal=False, source=source), problems)

    def configured(self) -> None:
        """All settings are known that are to be known at the start."""
        self._configured.set()

    async def _all_settings(self) -> None:
        """Until then; not for ever, since a client may owe an answer."""
        if not self._configured.is_set():
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_SETTINGS_PATIENCE_S):
                    await self._configured.wait()
            self._configured.set()

    def set_trust(self, trusted: bool) -> None:
        """The user's word, through the editor, on whether the workspace may be read."""
        self._set("trust", Layer(Options(trusted=trusted)), ())

    def toggle(self) -> bool:
        """Switch suggestions off or on for this session; says which."""
        self._set("toggle", Layer(Options(enabled=not self.settings.enabled)), ())
        return self.settings.enabled

    def _set(self, name: str, layer: Layer, problems: tuple[str, ...]) -> None:
        before = self.settings
        self._layers[name] = layer
        layers = [self._layers[name] for name in _LAYERS if name in self._layers]
        self.settings, more = resolve(layers)
        set_level(self.settings.log_level)
        if self._supervisor is not None and _engine_of(before) != _engine_of(self.settings):
            self._leave_engine()
            self.on_engine_wanted()
        elif self.settings.enabled and not before.enabled:
            self.on_engine_wanted()
        if self._supervisor is not None:
            self._supervisor.wish(self.settings.wishes)
        for problem in (*problems, *more):
            if problem not in self._told:
                self._told.add(problem)
                self.on_problem(problem)
        self.on_change()

    # Engine

    async def engine(self) -> Engine:
        """The engine, started if need be. Raises `EngineStartError`."""
        return await self._supervised().engine()

    async def start_engine(self) -> None:
        """Start the engine ahead of the first request; whatever fails shows in the state."""
        try:
            await self.engine()
        except EngineStartError as error:
            log.warning("the engine did not start: %s", error.message)
        except Exception:
            log.exception("the engine did not start")

    async def restart_engine(self) -> None:
        """Start anew, with the settings as they are now. Raises `EngineStartError`."""
        if self._supervisor is not None:
            await self._supervisor.close(end_shared=True)
        self._supervisor = None
        await self.engine()

    async def close(self) -> None:
        """End the engine if nobody else uses it; takes at most about half a second."""
        await self.completer.close()
        await asyncio.gather(self.ledger.close(), self.workspace.close(), self._close_engine())

    async def preview(
        self, uri: str, language: str, text: str, offset: int
    ) -> dict[str, Any] | None:
        """What of the workspace would be sent for a cursor; None where nothing is indexed."""
        snapshot = DocumentSnapshot(uri, language, 0, text)
        settings = self.settings_at(uri)
        if reason := reason_to_exclude(uri, text, settings.exclude):
            return {"error": f"this file never reaches a model: {reason}"}
        try:
            asked = await self.completer.prompts.asked(CompletionRequest(snapshot, offset))
            found = await self.workspace.preview(asked)
            if found is None:
                return None
            engine, (assembly, took_ms) = await self.engine(), found
            wanted = measuring(
                assembly, asked.windows, settings.layout, version=next(self._previews)
            )
            counted = await engine.generate(wanted).result()
            info = await engine.info()
        except EngineError as error:
            return {"error": str(error)}
        order = order_of(settings.workspace_placement, counted.layout)
        return described(
            assembly, asked.windows, counted.segment_tokens,
            counted_by=info.model_name, order=order, ms=took_ms,
        )  # fmt: skip

    def _leave_engine(self) -> None:
        """The settings want another one; what is being asked will be asked there."""
        supervisor, self._supervisor = self._supervisor, None
        if supervisor is not None:
            self._leaving = asyncio.create_task(supervisor.close())
            self._on_state(EngineState(EngineStage.OFF))

    async def _close_engine(self) -> None:
        supervisor, self._supervisor = self._supervisor, None
        if supervisor is None:
            return
        try:
            async with asyncio.timeout(_CLOSE_PATIENCE_S):
                await supervisor.close()
        except TimeoutError:
            supervisor.kill_own()

    @property
    def engine_pid(self) -> int | None:
        """Process id of the engine, while there is one."""
        return self._supervisor.pid if self._supervisor else None

    def _supervised(self) -> EngineSupervisor:
        if self._supervisor is None:
            try:
                spec = self._choose(self.settings)
            except EngineStartError as error:
                self._on_state(
                    EngineState(EngineStage.ERROR, message=error.message, remedy=error.remedy)
                )
                raise

            def on_state(state: EngineState) -> None:
                if self._supervisor is supervisor:  # else it was left
                    self._on_state(state)

            supervisor = self._supervisor = EngineSupervisor(spec, on_state)
        return self._supervisor

    def _on_state(self, state: EngineState) -> None:
        if state.stage is not EngineStage.READY:
            self.pace.forget()
        self.engine_state = state
        self.on_change()

    def _power(self) -> Power:
        return Power(on_battery(), saves_power(), self._machine.others_load())

    def look_at(self, uri: str, language: str) -> None:
        """The user looks at a document."""
        if self.here is None or (self.here.uri, self.here.language_id) != (uri, language):
            self.here = DocumentSnapshot(uri, language, 0, "")
            self.on_change()

    def look_away(self, uri: str) -> None:
        """A document was closed."""
        if self.here is not None and self.here.uri == uri:
            self.here = None
            self.on_change()

    # Observer

    def began(self, request: CompletionRequest) -> None:
        """A request came in."""
        self.running += 1
        self.read_files()
        self.look_at(request.document.uri, request.document.language_id)
        self.counters.began(request)
        self.on_change()

    def asked(self, request: CompletionRequest, *, ahead: bool) -> None:
        """The model is asked."""
        self.counters.asked_model(ahead=ahead)
        self.ledger.asked(request, self.offers.client, ahead=ahead)

    def ended(self, request: CompletionRequest, completion: Completion) -> None:
        """It ended."""
        self.running -= 1
        self.counters.ended(request, completion)
        self.ledger.ended(request, completion, self.offers.client)
        self.pace.ended(completion, self.settings.slow_ms)
        if completion.outcome is Outcome.OFFERED:
            self.last_ms = completion.ms.total
        self._pause.postpone()
        self.on_change()


def _engine_of(settings: Settings) -> tuple[object, ...]:
    """What of the settings decides which engine runs."""
    return settings.model, settings.engine_load, settings.engine_nice


@attrs.frozen
class ServeOptions:
    """How this server process was started."""

    choose: ChooseEngine
    command_line: Options = attrs.field(factory=Options)
    kept_after_s: float = KEPT_AFTER_S
