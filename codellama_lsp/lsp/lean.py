"""The protocol's types with half of their memory: one equality and one repr for all of them.

attrs writes methods of its own for each of the 554 classes. Nothing but memory, and the time to
import them, depends on this. To be called before anything else imports those types.
"""

from __future__ import annotations

import sys
from types import CodeType, FunctionType
from typing import Any

import attrs
from attr import _make

_NAME = "lsprotocol.types"
#: What attrs need not make for each class; what a class says itself goes before it.
_LEFT_OUT: dict[str, Any] = {
    "repr": False,
    "eq": False,
    "slots": False,  # would make each class a second time
    "getstate_setstate": False,
    "on_setattr": [],
    "match_args": False,
}


def import_types() -> None:
    """Import the protocol's types so that they take little memory."""
    if _NAME in sys.modules:
        return  # as in a test; they work just the same
    define = attrs.define

    def define_lean(maybe_cls: Any = None, **options: Any) -> Any:
        return define(maybe_cls, **(_LEFT_OUT | options))

    attrs.define = define_lean
    # attrs makes a class of properties for each class, to find its attributes by name. Where a
    # later version does that in another way, nothing is saved.
    makes_fields = getattr(_make, "_make_attr_tuple_class", None)
    if makes_fields is not None:
        _make._make_attr_tuple_class = lambda name, names: _Fields  # type: ignore[assignment]
    try:
        from lsprotocol import types
    finally:
        attrs.define = define
        if makes_fields is not None:
            _make._make_attr_tuple_class = makes_fields
    for value in vars(types).values():
        if isinstance(value, type) and attrs.has(value):
            _complete(value)


class _Fields(tuple[Any, ...]):
    """A class's attributes, which can be asked for by name."""

    __slots__ = ()

    def __getattr__(self, name: str) -> Any:
        for field in self:
            if field.name == name:
                return field
        raise AttributeError(name)


def _complete(cls: type) -> None:
    own = vars(cls)
    if "__eq__" not in own:
        cls.__eq__ = _equal  # type: ignore[method-assign,assignment]
        cls.__hash__ = None  # type: ignore[assignment]
    if "__repr__" not in own:
        cls.__repr__ = _represent  # type: ignore[method-assign,assignment]
    _keep_used_names(cls)


def _equal(self: object, other: object) -> bool:
    if type(other) is not type(self):
        return NotImplemented  # type: ignore[no-any-return]
    same: bool = vars(self) == vars(other)
    return same


def _represent(self: Any) -> str:
    values = ", ".join(f"{name}={value!r}" for name, value in vars(self).items())
    return f"{type(self).__name__}({values})"


def _keep_used_names(cls: type) -> None:
    """Leave to a class's methods the names that they read.

    attrs gives them a copy of all names of the module: up to 18 KB a class.
    """
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
