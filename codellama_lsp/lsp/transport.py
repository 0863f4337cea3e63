"""Runs a server on stdio or on one TCP connection, until its client leaves.

Standard output belongs to the protocol alone: everything else that is printed goes to stderr.
"""

from __future__ import annotations

import asyncio
import os
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from pygls.io_ import StdinAsyncReader, StdoutWriter, run_async

from codellama_lsp.lsp.server import CodeLlamaServer


async def serve_stdio(server: CodeLlamaServer) -> int:
    """Talk on stdin and stdout; the exit status."""
    output = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    # A pool of its own: nothing else may keep the reader waiting.
    reader = StdinAsyncReader(sys.stdin.buffer, ThreadPoolExecutor(1, "stdin"))
    return await _talk(server, reader, StdoutWriter(output))


async def serve_tcp(server: CodeLlamaServer, host: str, port: int) -> int:
    """Talk to the first client that connects; the exit status. For debugging."""
    connected: asyncio.Future[tuple[Any, Any]] = asyncio.get_running_loop().create_future()

    def on_client(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if connected.done():
            writer.close()
        else:
            connected.set_result((reader, writer))

    listener = await asyncio.start_server(on_client, host, port)
    address = listener.sockets[0].getsockname()
    print(f"codellama-lsp: listening on {address[0]}:{address[1]}", file=sys.stderr, flush=True)
    reader, writer = await connected
    listener.close()
    try:
        return await _talk(server, reader, writer)
    finally:
        writer.close()


async def _talk(server: CodeLlamaServer, reader: Any, writer: Any) -> int:
    ended: asyncio.Future[int] = asyncio.get_running_loop().create_future()

    def on_end(code: int) -> None:
        if not ended.done():
            ended.set_result(code)

    server.protocol.on_end = on_end
    server.protocol.set_writer(writer)
    reading = asyncio.create_task(
        run_async(
            stop_event=threading.Event(),
            reader=reader,
            protocol=server.protocol,
            error_handler=server.report_server_error,
        )
    )
    await asyncio.wait({reading, ended}, return_when=asyncio.FIRST_COMPLETED)
    server.status.end()
    server.protocol.on_end = lambda code: None
    await server.session.close()
    return ended.result() if ended.done() else 0
