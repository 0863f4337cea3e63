"""What the editor tells about the workspace: folders, buffers, files, what is viewed and copied.

Also `codellama.context`: what would be sent to the model at a cursor, in order, and why.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from lsprotocol import types

from codellama_lsp.config.settings import FILE_NAME, Settings
from codellama_lsp.context.languages import INDEXED_GLOB
from codellama_lsp.lsp.documents_sync import look_at
from codellama_lsp.lsp.positions import offset_at
from codellama_lsp.workspace.folders import path_of_file

if TYPE_CHECKING:
    from codellama_lsp.lsp.documents import Document
    from codellama_lsp.lsp.server import CodeLlamaServer

DID_FOCUS = "textDocument/didFocus"
DID_YANK = "codellama/didYank"
DID_CHANGE_TRUST = "codellama/didChangeTrust"
CONTEXT = "codellama.context"
READ_WORKSPACE = "codellama.readWorkspace"

#: What is read, what says what may be read, and what shows that another branch was checked out.
_WATCHED = (
    INDEXED_GLOB,
    "**/{.gitignore,.codellamaignore}",
    "**/.git/{HEAD,index}",
    f"**/{FILE_NAME}",
)
#: Clients that watch single files say nothing of those in a folder that was renamed or deleted.
_ANY_FILE = types.FileOperationRegistrationOptions(
    filters=[
        types.FileOperationFilter(pattern=types.FileOperationPattern(glob="**"), scheme="file")
    ]
)


def register(server: CodeLlamaServer) -> None:
    """Add the methods."""
    workspace = server.session.workspace

    def settings_saved(uris: list[str]) -> None:
        if any(uri.endswith(f"/{FILE_NAME}") for uri in uris):
            begin(server)

    @server.feature(types.TEXT_DOCUMENT_DID_OPEN)
    async def opened(params: types.DidOpenTextDocumentParams) -> None:
        announce(server, params.text_document.uri)
        look_at(server, params.text_document.uri)

    @server.feature(types.TEXT_DOCUMENT_DID_CHANGE)
    async def changed(params: types.DidChangeTextDocumentParams) -> None:
        workspace.changed(params.text_document.uri)

    @server.feature(types.TEXT_DOCUMENT_DID_SAVE)
    async def saved(params: types.DidSaveTextDocumentParams) -> None:
        workspace.saved(params.text_document.uri)
        settings_saved([params.text_document.uri])

    @server.feature(types.WORKSPACE_DID_CHANGE_WATCHED_FILES)
    async def files_changed(params: types.DidChangeWatchedFilesParams) -> None:
        uris = [change.uri for change in params.changes]
        workspace.files_changed(uris)
        settings_saved(uris)

    @server.feature(types.WORKSPACE_DID_RENAME_FILES, _ANY_FILE)
    async def files_renamed(params: types.RenameFilesParams) -> None:
        ends = [uri for renamed in params.files for uri in (renamed.old_uri, renamed.new_uri)]
        workspace.files_changed(ends)

    @server.feature(types.WORKSPACE_DID_DELETE_FILES, _ANY_FILE)
    async def files_deleted(params: types.DeleteFilesParams) -> None:
        workspace.files_changed([deleted.uri for deleted in params.files])

    @server.feature(types.WORKSPACE_DID_CHANGE_WORKSPACE_FOLDERS)
    async def folders_changed(params: types.DidChangeWorkspaceFoldersParams) -> None:
        begin(server)

    @server.feature(DID_CHANGE_TRUST)
    async def trust_changed(params: Any) -> None:
        if isinstance(trusted := _field(params, "trusted"), bool):
            server.session.set_trust(trusted)
            begin(server)

    @server.feature(DID_FOCUS)
    async def focused(params: Any) -> None:
        if uri := _field(_field(params, "textDocument"), "uri"):
            workspace.focused(uri)
            look_at(server, uri)

    @server.feature(DID_YANK)
    async def yanked(params: Any) -> None:
        if text := _field(params, "text"):
            workspace.copied(text)

    @server.command(READ_WORKSPACE)
    async def read_workspace(*args: Any) -> None:
        """Compare the workspace with the index, also after that was stopped or had failed."""
        workspace.read_again()

    @server.command(CONTEXT)
    async def context(*args: Any) -> dict[str, Any] | None:
        """Arguments: a document's URI and a position in it, its end without one."""
        uri = args[0] if args and isinstance(args[0], str) else ""
        document = server.workspace.text_documents.get(unquote(uri))
        if document is None:
            return None
        position = args[1] if len(args) > 1 else {}
        found = document_at(document, position)
        if found is None:
            return None
        return await server.session.preview(document.uri, document.language_id or "", *found)


def begin(server: CodeLlamaServer) -> None:
    """Read the folders that the editor has open now, as far as the settings let us."""
    session = server.session
    roots = folders(server)
    session.set_folders(roots)
    read = [root for root in roots if _is_read(session.settings_at(root.as_uri()))]
    session.workspace.set_folders(read, watch=bool(read) and not watches(server))


def _is_read(settings: Settings) -> bool:
    return settings.workspace and settings.trusted and settings.enabled


def folders(server: CodeLlamaServer) -> list[Path]:
    """The folders that the editor has open, on this machine."""
    workspace = server.workspace
    roots = [path for uri in workspace.folders if (path := path_of_file(uri)) is not None]
    if not roots and workspace.root_uri and (path := path_of_file(workspace.root_uri)):
        roots.append(path)
    return roots


def watches(server: CodeLlamaServer) -> bool:
    """Whether the client can be asked to tell about files on disk."""
    workspace = server.client_capabilities.workspace
    watching = workspace.did_change_watched_files if workspace else None
    return bool(watching and watching.dynamic_registration)


def subscribe(server: CodeLlamaServer) -> None:
    """Ask the client to tell about files on disk."""
    if not watches(server):
        return
    watchers = [types.FileSystemWatcher(glob_pattern=glob) for glob in _WATCHED]
    server.client_register_capability(
        types.RegistrationParams(
            registrations=[
                types.Registration(
                    id="codellama-files",
                    method=types.WORKSPACE_DID_CHANGE_WATCHED_FILES,
                    register_options=types.DidChangeWatchedFilesRegistrationOptions(
                        watchers=watchers
                    ),
                )
            ]
        )
    )


def announce(server: CodeLlamaServer, uri: str) -> None:
    """Tell the context about an open document; later changes are read from it when needed."""
    document = server.workspace.text_documents.get(unquote(uri)) or (
        server.workspace.text_documents.get(uri)
    )
    if document is not None:
        held = document
        server.session.workspace.opened(
            document.uri, document.language_id or "plaintext", lambda: held.source
        )


def document_at(document: Any, position: object) -> tuple[str, int] | None:
    """A document's text and the offset of an LSP position in it; its end for none."""
    held: Document = document
    line, character = _number(position, "line"), _number(position, "character")
    text = held.buffer.text
    if line is None or character is None:
        return text, len(text)
    return text, offset_at(held.buffer, line, character, held.encoding)


def _field(value: object, name: str) -> Any:
    found = value.get(name) if isinstance(value, Mapping) else getattr(value, name, None)
    return found if not isinstance(found, str) or found else None


def _number(value: object, name: str) -> int | None:
    found = _field(value, name)
    return found if isinstance(found, int) and found >= 0 else None
