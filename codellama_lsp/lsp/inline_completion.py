"""`textDocument/inlineCompletion`: always a list, always with ranges, empty for nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lsprotocol import types

from codellama_lsp.completion.types import CompletionRequest, Trigger

if TYPE_CHECKING:
    from codellama_lsp.lsp.server import CodeLlamaServer

ACCEPTED = "codellama.accepted"

#: For someone who asks by hand and then cycles.
_MOST_CANDIDATES = 3


def register(server: CodeLlamaServer) -> None:
    """Add the method."""

    # Without explicit options, pygls does not advertise it.
    @server.feature(types.TEXT_DOCUMENT_INLINE_COMPLETION, types.InlineCompletionOptions())
    async def inline_completion(
        params: types.InlineCompletionParams,
    ) -> types.InlineCompletionList:
        snapshot = server.protocol.snapshot.get()
        completer = server.session.completer
        if snapshot is None:
            completer.refuse(params.text_document.uri, "the document was never opened")
            return types.InlineCompletionList(items=[])
        invoked = params.context.trigger_kind is types.InlineCompletionTriggerKind.Invoked
        request = CompletionRequest(
            snapshot.document,
            snapshot.offset,
            Trigger.INVOKED if invoked else Trigger.AUTOMATIC,
            candidates=_MOST_CANDIDATES if invoked else 1,
        )
        completion = await completer.complete(request)
        items = []
        numbers = server.session.offers.made(snapshot.document, completion)
        for number, suggestion in zip(numbers, completion.items, strict=True):
            text, span = snapshot.item(suggestion)
            arguments = [snapshot.document.uri, number]
            command = types.Command("Suggestion accepted", ACCEPTED, arguments=arguments)
            items.append(types.InlineCompletionItem(insert_text=text, range=span, command=command))
        return types.InlineCompletionList(items=items)
