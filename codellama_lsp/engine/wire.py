"""JSON-RPC 2.0 in lines: one message a line.

Knows how a message is framed and which errors have which code; not what a request means.
"""

from __future__ import annotations

import json
from typing import Any

import msgspec

from codellama_lsp.engine.protocol import (
    BadRequestError,
    EngineError,
    EngineGoneError,
    EngineStartError,
)

Message = dict[str, Any]

MAX_MESSAGE_BYTES = 32 * 1024 * 1024
#: What a peer may say before it has shown the token.
MAX_HELLO_BYTES = 4096

_ENCODER = msgspec.json.Encoder()
_DECODER = msgspec.json.Decoder()

PARSE_ERROR = -32700
INVALID_REQUEST = -32600
METHOD_NOT_FOUND = -32601
INVALID_PARAMS = -32602
ENGINE_ERROR = -32000
START_ERROR = -32001
BAD_REQUEST = -32002
UNKNOWN_SEGMENT = -32003
REFUSED = -32004
GONE = -32005


class WireError(Exception):
    """A peer said something that isn't the protocol; `code` is JSON-RPC's. No text of theirs."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


class UnknownSegmentError(WireError):
    """A delta names a version that the receiver doesn't have: send the segments in full."""

    def __init__(self) -> None:
        super().__init__(UNKNOWN_SEGMENT, "unknown segment version")


class RefusedError(EngineStartError):
    """The engine won't talk to this client: wrong token or another protocol version."""


_CODES: tuple[tuple[type[EngineError], int], ...] = (
    (RefusedError, REFUSED),
    (EngineStartError, START_ERROR),
    (BadRequestError, BAD_REQUEST),
    (EngineGoneError, GONE),
    (EngineError, ENGINE_ERROR),
)


def encode(message: Message) -> bytes:
    """One line."""
    try:
        return _ENCODER.encode(message) + b"\n"
    except UnicodeEncodeError:
        # Half of a surrogate pair, which an editor may send: UTF-8 has no room for it.
        return json.dumps(message, separators=(",", ":")).encode("ascii") + b"\n"


def decode(line: bytes) -> Message:
    """The message of a line; raises `WireError` for anything that isn't one."""
    try:
        try:
            message = _DECODER.decode(line)
        except msgspec.DecodeError:
            message = json.loads(line)  # half a surrogate pair is an error only to the other one
    except (ValueError, RecursionError) as error:
        raise WireError(PARSE_ERROR, "not JSON") from error
    if not isinstance(message, dict) or message.get("jsonrpc") != "2.0":
        raise WireError(INVALID_REQUEST, "not a JSON-RPC 2.0 message")
    return message


def request(number: int, method: str, params: object) -> Message:
    """A message that wants an answer."""
    return {"jsonrpc": "2.0", "id": number, "method": method, "params": params}


def notification(method: str, params: object) -> Message:
    """A message without an answer."""
    return {"jsonrpc": "2.0", "method": method, "params": params}


def response(number: object, result: object) -> Message:
    """The answer to a request."""
    return {"jsonrpc": "2.0", "id": number, "result": result}


def failure(number: object, error: Exception) -> Message:
    """The answer to a request that failed; unknown kinds of error give away their name only."""
    if isinstance(error, WireError):
        code, message, remedy = error.code, error.message, ""
    elif isinstance(error, EngineError):
        code = next(code for kind, code in _CODES if isinstance(error, kind))
        message, remedy = error.message, error.remedy
    else:
        code, message, remedy = ENGINE_ERROR, f"the engine failed ({type(error).__name__})", ""
    body: Message = {"code": code, "message": message}
    if remedy:
        body["data"] = {"remedy": remedy}
    return {"jsonrpc": "2.0", "id": number, "error": body}


def to_exception(body: object) -> Exception:
    """What a `failure` was made from."""
    if not isinstance(body, dict):
        return EngineError("the engine sent a malformed error")
    code, message, data = body.get("code"), str(body.get("message")), body.get("data")
    remedy = str(data.get("remedy", "")) if isinstance(data, dict) else ""
    if code == UNKNOWN_SEGMENT:
        return UnknownSegmentError()
    for kind, known in _CODES:
        if code == known:
            return kind(message, remedy)
    return EngineError(message, remedy)
