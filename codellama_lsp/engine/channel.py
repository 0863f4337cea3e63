"""A connection that carries messages, one a line: the same at both ends of an engine's socket.

Lines are handed over as they come, and messages leave from whichever thread has them: at every
keystroke, waking up a task or a thread takes longer than what it would do.
"""

from __future__ import annotations

import asyncio
import os
import socket
import threading
from collections import deque
from collections.abc import Callable

from codellama_lsp.engine.wire import (
    INVALID_REQUEST,
    MAX_HELLO_BYTES,
    MAX_MESSAGE_BYTES,
    Message,
    WireError,
    encode,
)

#: A peer that leaves more than this unread is given up.
_MAX_UNSENT_BYTES = 64 * 1024 * 1024


class Channel(asyncio.Protocol):
    """Made by an event loop's transport; used on that loop, but for `send`."""

    def __init__(self, on_connected: Callable[[Channel], None] = lambda channel: None) -> None:
        self._on_connected = on_connected
        self._loop = asyncio.get_running_loop()
        self._lock = threading.Lock()
        self._socket: socket.socket | None = None
        self._transport: asyncio.Transport
        self._unsent: list[bytes] = []
        self._begun = bytearray()
        """A line whose end has not come yet."""
        self._limit_bytes = MAX_HELLO_BYTES
        self._lines: deque[bytes] = deque()
        self._came = asyncio.Event()
        self._error: WireError | None = None
        self._ended = False
        self._on_line: Callable[[bytes], None] | None = None
        self._on_end: Callable[[WireError | None], None] = lambda error: None

    def send(self, message: Message) -> None:
        """Send a message, from any thread, in the order of the calls.

        What the peer does not take at once is left to the event loop; a peer that doesn't read is
        dropped rather than waited for.
        """
        data = encode(message)
        with self._lock:
            if self._socket is None:
                return
            if not self._unsent and not self._transport.get_write_buffer_size():
                try:
                    data = data[self._socket.send(data) :]
                except (BlockingIOError, InterruptedError):
                    pass
                except OSError:
                    return  # that it has ended, whoever reads is told
            if data:
                if not self._unsent:
                    self._loop.call_soon_threadsafe(self._send_rest)
                self._unsent.append(data)

    async def line(self) -> bytes | None:
        """The next line, while nobody listens; None at the end.

        Raises `WireError` when it is longer than a stranger's may be.
        """
        while not self._lines and not self._ended:
            self._came.clear()
            await self._came.wait()
        if self._lines:
            return self._lines.popleft()
        if self._error is not None:
            raise self._error
        return None

    def listen(
        self, on_line: Callable[[bytes], None], on_end: Callable[[WireError | None], None]
    ) -> None:
        """Hand over every line from now on, and once, behind the last one, why they end.

        With an error: a line was too long. `on_line` must not raise.
        """
        self._limit_bytes = MAX_MESSAGE_BYTES
        self._on_line, self._on_end = on_line, on_end
        while self._lines:
            on_line(self._lines.popleft())
        if self._ended:
            on_end(self._error)

    def close(self) -> None:
        """End the connection after what is queued."""
        self._send_rest()
        with self._lock:
            if self._socket is not None:
                self._socket.close()
                self._socket = None
        self._transport.close()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """As a protocol does."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        # A descriptor of our own: the transport's may be closed, and its number given to another
        # connection, while another thread sends.
        self._socket = socket.socket(fileno=os.dup(transport.get_extra_info("socket").fileno()))
        self._on_connected(self)

    def data_received(self, data: bytes) -> None:
        """As a protocol does."""
        if self._ended:
            return
        first, newline, rest = data.partition(b"\n")
        while newline:
            line = bytes(self._begun) + first if self._begun else first
            self._begun.clear()
            if len(line) > self._limit_bytes:
                break
            self._take(line)
            first, newline, rest = rest.partition(b"\n")
        else:
            self._begun += first
            if len(self._begun) <= self._limit_bytes:
                return
        self._end(WireError(INVALID_REQUEST, "a message is too long"))

    def connection_lost(self, exc: Exception | None) -> None:
        """As a protocol does."""
        with self._lock:
            if self._socket is not None:
                self._socket.close()
                self._socket = None
        self._end(None)

    def _take(self, line: bytes) -> None:
        if self._on_line is not None:
            self._on_line(line)
        else:
            self._lines.append(line)
            self._came.set()

    def _end(self, error: WireError | None) -> None:
        if not self._ended:
            self._ended, self._error = True, error
            self._came.set()
            self._on_end(error)

    def _send_rest(self) -> None:
        """Leave what could not be sent at once to the transport."""
        with self._lock:
            data, self._unsent = b"".join(self._unsent), []
            if data and not self._transport.is_closing():
                self._transport.write(data)
                if self._transport.get_write_buffer_size() > _MAX_UNSENT_BYTES:
                    self._transport.abort()
