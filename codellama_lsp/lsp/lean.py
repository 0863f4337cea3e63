"""Takes from the protocol's types what attrs keeps of making them, a third of their memory.

Nothing but memory depends on it. To be called before more is imported, which then fills the gaps.
"""

from __future__ import annotations

from types import CodeType, FunctionType

import attrs
from lsprotocol import types


def forget_unused_names() -> None:
    """Leave to each class's methods the names that they read.

    attrs gives them a copy of all names of the module: up to 18 KB a class, and there are 554.
    """
    for value in vars(types).values():
        if isinstance(value, type) and attrs.has(value):
            _keep_used_names(value)


def _keep_used_names(cls: type) -> None:
    made = [
        method
        for method in vars(cls).values()
        if isinstance(method, FunctionType)
        and method.__code__.co_filename.startswith("<attrs generated ")
    ]
    used = {name for method in made for name in _names(method.__code__)}
    for method in made:
        names = method.__globals__
        kept = {name: names[name] for name in names.keys() & used}
        names.clear()
        names.update(kept)


def _names(code: CodeType) -> set[str]:
    inner = (constant for constant in code.co_consts if isinstance(constant, CodeType))
    return set(code.co_names).union(*map(_names, inner))
