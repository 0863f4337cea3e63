"""The client's settings: asked for after `initialized` and whenever they change.

Never inside a request: an answer that comes after its request was cancelled has nowhere to go.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import TYPE_CHECKING

from lsprotocol import types

from codellama_lsp.lsp import workspace_context

if TYPE_CHECKING:
    from codellama_lsp.lsp.server import CodeLlamaServer

log = logging.getLogger(__name__)

SECTION = "codellama"


def register(server: CodeLlamaServer) -> None:
    """Add the method."""

    @server.feature(types.WORKSPACE_DID_CHANGE_CONFIGURATION)
    async def changed(params: types.DidChangeConfigurationParams) -> None:
        pushed = params.settings
        if isinstance(pushed, Mapping) and isinstance(pushed.get(SECTION), Mapping):
            server.session.set_configuration(pushed[SECTION])
        else:
            await pull(server)
        workspace_context.begin(server)


async def pull(server: CodeLlamaServer) -> None:
    """Ask the client for our section, if it can be asked."""
    workspace = server.client_capabilities.workspace
    if workspace is None or not workspace.configuration:
        return
    wanted = types.ConfigurationParams(items=[types.ConfigurationItem(section=SECTION)])
    try:
        (section,) = await server.workspace_configuration_async(wanted)
    except Exception as error:
        log.warning("the client did not say its settings (%s)", type(error).__name__)
        return
    server.session.set_configuration(section)


def subscribe(server: CodeLlamaServer) -> None:
    """Ask to be told about changes, where the client wants to be asked."""
    workspace = server.client_capabilities.workspace
    change = workspace.did_change_configuration if workspace else None
    if change is None or not change.dynamic_registration:
        return
    server.client_register_capability(
        types.RegistrationParams(
            registrations=[
                types.Registration(
                    id="codellama-configuration",
                    method=types.WORKSPACE_DID_CHANGE_CONFIGURATION,
                    register_options=types.DidChangeConfigurationRegistrationOptions(
                        section=SECTION
                    ),
                )
            ]
        )
    )
