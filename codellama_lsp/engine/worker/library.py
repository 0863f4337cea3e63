"""llama.cpp itself: imported once, its log tamed, nothing of it on stdout."""

from __future__ import annotations

import ctypes
import os
import sys
from typing import Any

# A failed assertion would fork a debugger for its backtrace.
os.environ.setdefault("GGML_NO_BACKTRACE", "1")

from llama_cpp import llama_cpp as lib

_ERROR_LEVEL = 4
_kept: list[Any] = []
#: What llama.cpp says, as errors, whenever its abort callback did what it is there for. A batch
#: that fails for any other reason is reported by its status.
_ABORTED = (
    "graph_compute: ggml_backend_sched_graph_compute_async failed with error 1",
    "process_ubatch: failed to compute graph, compute status: 1",
    "llama_decode: failed to decode, ret = 2",
)


def quiet(*, keep_errors: bool = True) -> None:
    """Send llama.cpp's log nowhere but for errors, which go to stderr. Safe to call twice."""

    def on_log(level: int, text: bytes, _: ctypes.c_void_p) -> None:
        if keep_errors and level == _ERROR_LEVEL:
            said = text.decode("utf-8", "replace")
            if not said.startswith(_ABORTED):
                sys.stderr.write(said)

    callback = lib.llama_log_callback(on_log)
    _kept[:] = [callback]  # llama.cpp keeps only the pointer
    lib.llama_log_set(callback, ctypes.c_void_p(0))


def system_info() -> str:
    """What llama.cpp was built with and which CPU features it uses, in its own words."""
    return str(lib.llama_print_system_info().decode("utf-8", "replace")).strip()


def library_offloads() -> bool:
    """Whether this build runs layers on a GPU."""
    return bool(lib.llama_supports_gpu_offload())


def abort_by_strlen() -> Any:
    """A `ggml_abort_callback` that reads a `CancelFlag` without Python.

    C's ``strlen`` over the flag's two bytes answers 0 (go on) or 1 (abort). A Python callback
    would need the GIL at every node of the graph.
    """
    libc = ctypes.CDLL(None)
    return ctypes.cast(libc.strlen, lib.ggml_abort_callback)


_get_logits: Any = lib._lib["llama_get_logits_ith"]  # an entry of our own, to be typed as we like
_get_logits.restype = ctypes.c_void_p
_get_logits.argtypes = [ctypes.c_void_p, ctypes.c_int32]


def logits_address(context: Any, index: int) -> int:
    """Where the scores behind a batch's token are; raises `IndexError` where there are none."""
    address = _get_logits(context, index)
    if not address:
        raise IndexError(f"no scores behind token {index}")
    return int(address)


__all__ = ["abort_by_strlen", "lib", "library_offloads", "logits_address", "quiet", "system_info"]
