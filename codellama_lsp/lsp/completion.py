"""`textDocument/completion` with one item: for editors that know no inline completion.

Registered while initializing, for clients that lack the better way or settings that ask for it.
Labels are short: long ones have crashed clients.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs
from lsprotocol import types

from codellama_lsp.completion.types import CompletionRequest, Trigger
from codellama_lsp.lsp.inline_completion import ACCEPTED
from codellama_lsp.lsp.positions import units

if TYPE_CHECKING:
    from codellama_lsp.lsp.server import CodeLlamaServer
    from codellama_lsp.lsp.snapshot import Snapshot

_MOST_LABEL_CHARS = 40
_MOST_SHOWN_CHARS = 2000
_TRIGGERS = (".", "(", "=", " ", ",", "[", "{", ":")


@attrs.frozen
class _Capabilities:
    """What the client does with an item, as far as that differs."""

    label_details: bool
    insert_text_mode: bool
    markdown: bool

    @classmethod
    def of(cls, params: types.InitializeParams) -> _Capabilities:
        document = params.capabilities.text_document
        completion = document.completion if document else None
        item = completion.completion_item if completion else None
        formats = (item.documentation_format or ()) if item else ()
        return cls(
            label_details=bool(item and item.label_details_support),
            insert_text_mode=bool(item and item.insert_text_mode_support),
            markdown=types.MarkupKind.Markdown in formats,
        )


def register_if_wanted(server: CodeLlamaServer, params: types.InitializeParams) -> None:
    """Add the method where it is of use; to be called while initializing."""
    wanted = server.session.settings.completion_item
    document = params.capabilities.text_document
    knows_better = document is not None and document.inline_completion is not None
    if wanted == "always" or (wanted == "auto" and not knows_better):
        _register(server, _Capabilities.of(params))


def _register(server: CodeLlamaServer, client: _Capabilities) -> None:
    @server.feature(
        types.TEXT_DOCUMENT_COMPLETION, types.CompletionOptions(trigger_characters=_TRIGGERS)
    )
    async def completion(params: types.CompletionParams) -> types.CompletionList:
        snapshot = server.protocol.snapshot.get()
        completer = server.session.completer
        if snapshot is None:
            completer.refuse(params.text_document.uri, "the document was never opened")
            return types.CompletionList(is_incomplete=False, items=[])
        context = params.context
        invoked = context is None or context.trigger_kind is types.CompletionTriggerKind.Invoked
        # Editors say "invoked" for a word being typed, too: it is no gesture to rely on.
        trigger = Trigger.INVOKED if invoked and not _in_word(snapshot) else Trigger.AUTOMATIC
        answer = await completer.complete(
            CompletionRequest(snapshot.document, snapshot.offset, trigger)
        )
        items: list[types.CompletionItem] = []
        if answer.items:
            offer = server.session.offers.made(snapshot.document, answer)[0]
            items = [_item(snapshot, offer, *snapshot.item(answer.items[0]), client)]
        # What is typed next may want another suggestion.
        return types.CompletionList(is_incomplete=True, items=items)


def _item(
    snapshot: Snapshot, offer: int, text: str, span: types.Range, client: _Capabilities
) -> types.CompletionItem:
    # The range begins with the word at the cursor: clients filter by what stands there.
    word = _word_before(snapshot)
    before = span.start.character - units(word, snapshot.encoding)
    start = types.Position(span.start.line, before)
    first = " ".join((word + text).strip().splitlines()[0].split())
    # Some clients insert the label: what it lacks is in the documentation, with no sign of it here.
    short = first if len(first) <= _MOST_LABEL_CHARS else first[: _MOST_LABEL_CHARS - 1] + "…"
    details = types.CompletionItemLabelDetails(description="Code Llama")
    return types.CompletionItem(
        label=short,
        label_details=details if client.label_details else None,
        # Helix reads "$" and "}" in the text of a snippet, whatever its format.
        kind=types.CompletionItemKind.Text,
        documentation=_whole(word + text, snapshot.document.language_id, client),
        filter_text=word + first.removeprefix(word)[:_MOST_LABEL_CHARS],
        sort_text="\x7f",
        insert_text_format=types.InsertTextFormat.PlainText,
        # Lines come with their own indentation.
        insert_text_mode=types.InsertTextMode.AsIs if client.insert_text_mode else None,
        text_edit=types.TextEdit(types.Range(start, span.end), word + text),
        command=types.Command(
            "Suggestion accepted", ACCEPTED, arguments=[snapshot.document.uri, offer]
        ),
    )


def _whole(text: str, language: str, client: _Capabilities) -> types.MarkupContent | None:
    """What will be inserted, where the label cannot say it."""
    if "\n" not in text and len(text) <= _MOST_LABEL_CHARS:
        return None
    shown = text.strip("\r\n")[:_MOST_SHOWN_CHARS]
    if client.markdown and "```" not in shown:
        fenced = f"```{language}\n{shown}\n```"
        return types.MarkupContent(types.MarkupKind.Markdown, fenced)
    return types.MarkupContent(types.MarkupKind.PlainText, shown)


def _word_before(snapshot: Snapshot) -> str:
    line = snapshot.document.text[snapshot.line_start : snapshot.offset]
    start = len(line)
    while start and (line[start - 1].isalnum() or line[start - 1] == "_"):
        start -= 1
    return line[start:]


def _in_word(snapshot: Snapshot) -> bool:
    return bool(_word_before(snapshot))
