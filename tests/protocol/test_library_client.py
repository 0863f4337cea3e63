"""The same server as a common client library sees it, with real editors' capabilities."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

import pytest
from lsprotocol import types
from pytest_lsp import ClientServerConfig, LanguageClient, client_capabilities, make_test_lsp_client

from .client import PATIENCE_S, write_script


@pytest.mark.parametrize("editor", ["visual-studio-code", "neovim", "emacs"])
async def test_a_session(editor: str, tmp_path: Path) -> None:
    script = write_script(tmp_path, "(a)", {"text": "late", "delay_ms": 3_600_000})
    config = ClientServerConfig(
        server_command=[sys.executable, "-m", "codellama_lsp", "--engine", f"scripted:{script}"],
        server_env=dict(os.environ),  # It would replace the environment otherwise.
        client_factory=make_test_lsp_client,
    )
    client: LanguageClient = await config.start()
    capabilities = client_capabilities(editor)
    assert capabilities.text_document is not None
    capabilities.text_document.inline_completion = types.InlineCompletionClientCapabilities()
    client.set_configuration({"codellama": {"maxTokens": 50}})
    result = await client.initialize_session(
        types.InitializeParams(capabilities=capabilities, process_id=os.getpid())
    )
    try:
        assert isinstance(
            result.capabilities.inline_completion_provider, types.InlineCompletionOptions
        )
        uri = "file:///work/a.py"
        client.text_document_did_open(
            types.DidOpenTextDocumentParams(types.TextDocumentItem(uri, "python", 1, "x = f\n"))
        )
        params = types.InlineCompletionParams(
            context=types.InlineCompletionContext(types.InlineCompletionTriggerKind.Automatic),
            text_document=types.TextDocumentIdentifier(uri),
            position=types.Position(0, 5),
        )
        answer = await client.text_document_inline_completion_async(params)
        assert isinstance(answer, types.InlineCompletionList)
        (item,) = answer.items
        assert (item.insert_text, item.range) == (
            "(a)",
            types.Range(types.Position(0, 5), types.Position(0, 5)),
        )
        assert not client.messages
        params.position = types.Position(1, 0)  # Nothing is known there.
        late = asyncio.ensure_future(
            client.protocol.send_request_async(
                types.TEXT_DOCUMENT_INLINE_COMPLETION, params, msg_id="late"
            )
        )
        await asyncio.sleep(0)  # It is sent by the task's first step.
        client.cancel_request(types.CancelParams(id="late"))
        with pytest.raises(Exception, match="cancel"):
            await late
    finally:
        # Bounded: a client library may wait for ever for a server that has gone.
        async with asyncio.timeout(PATIENCE_S):
            await client.shutdown_session()
            await client.stop()
