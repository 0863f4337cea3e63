"""`initialize`, `initialized` and `shutdown`: answer at once, and start the engine afterwards."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from lsprotocol import types

from codellama_lsp.lsp import completion, configuration, parent, workspace_context
from codellama_lsp.lsp.documents import install

if TYPE_CHECKING:
    from codellama_lsp.lsp.server import CodeLlamaServer


def register(server: CodeLlamaServer) -> None:
    """Add the methods."""
    background: set[asyncio.Task[None]] = set()

    def start(task: asyncio.Task[None]) -> None:
        background.add(task)
        task.add_done_callback(background.discard)

    @server.feature(types.INITIALIZE)
    async def initialize(params: types.InitializeParams) -> None:
        install(server.workspace)
        server.session.set_folders(workspace_context.folders(server))
        server.session.set_initialization(params.initialization_options)
        server.session.offers.client = params.client_info.name if params.client_info else ""
        completion.register_if_wanted(server, params)
        if params.process_id is not None:
            start(
                asyncio.create_task(
                    parent.watch(params.process_id, lambda: server.protocol.on_end(1))
                )
            )

    def start_engine() -> None:
        start(asyncio.create_task(server.session.start_engine()))

    @server.feature(types.INITIALIZED)
    async def initialized(params: types.InitializedParams) -> None:
        server.status.begin()
        server.session.on_engine_wanted = start_engine
        if server.session.settings.enabled:
            start_engine()
        configuration.subscribe(server)
        await configuration.pull(server)
        server.session.configured()
        workspace_context.subscribe(server)
        workspace_context.begin(server)

    @server.feature(types.SHUTDOWN)
    async def shutdown(params: None) -> None:
        server.status.end()
