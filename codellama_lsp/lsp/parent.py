"""Notices that the editor's process has gone, also when our input stays open."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Callable

_POLL_S = 0.3


async def watch(pid: int, on_gone: Callable[[], None]) -> None:
    """Call `on_gone` once process `pid` has ended.

    A process that cannot be seen to begin with is none to wait for: an editor outside of our
    container has a number that means nothing here.
    """
    if sys.platform == "win32":
        return  # There, asking a process by a signal would end it; the end of our input must do.
    try:
        descriptor = os.pidfd_open(pid)
    except (AttributeError, PermissionError):
        if _exists(pid):
            await _poll(pid)
            on_gone()
        return
    except OSError:
        return
    # Readable at its end, also while nobody has collected it; polling cannot see that.
    loop = asyncio.get_running_loop()
    gone = asyncio.Event()
    loop.add_reader(descriptor, gone.set)
    try:
        await gone.wait()
    finally:
        loop.remove_reader(descriptor)
        os.close(descriptor)
    on_gone()


async def _poll(pid: int) -> None:
    while _exists(pid):  # noqa: ASYNC110  # nobody would set an event
        await asyncio.sleep(_POLL_S)


def _exists(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True
