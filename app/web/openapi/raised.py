"""Which refusals a function may end in: those that are named by its code, or by code that this code names, and so on.

A name is looked up where the code would: among the globals of its module, in a module or class that it names, in what
it imports by itself. Of a class only methods that somebody on the way names count. What is called by no name at all (a
use case out of a queue, a value of a database) is not seen. No code runs.
"""

import sys
from collections.abc import Iterator, Mapping
from functools import cache
from types import CodeType, FunctionType, ModuleType

from app.shared.errors.base import DomainError

OURS = "app."
Followed = FunctionType | type


class Reached:
    """What is met on the way from one function: functions and classes of ours."""

    def __init__(self, start: FunctionType) -> None:
        self.errors: set[type[DomainError]] = set()
        self.functions: set[FunctionType] = set()
        self._names: set[str] = set()
        self._methods: dict[str, list[FunctionType]] = {}
        self._classes: set[type] = set()
        self._pending = [start]
        while self._pending:
            self._visit(self._pending.pop())

    def _visit(self, function: FunctionType) -> None:
        if function in self.functions:
            return
        self.functions.add(function)
        names, met = _met(function)
        for name in names - self._names:
            self._pending += self._methods.get(name, ())
        self._names |= names
        for found in met:
            if isinstance(found, FunctionType):
                self._pending.append(found)
            elif issubclass(found, DomainError):
                self.errors.add(found)
            elif found not in self._classes:
                self._classes.add(found)
                self._know(found)

    def _know(self, cls: type) -> None:
        for name, method in _methods_of(cls):
            self._methods.setdefault(name, []).append(method)
            if name in self._names or name.startswith("__"):
                self._pending.append(method)


@cache
def reached(function: FunctionType) -> Reached:
    """Everything on the way from `function`; found once."""
    return Reached(function)


@cache
def _met(function: FunctionType) -> tuple[frozenset[str], tuple[Followed, ...]]:
    """All names in the code of a function, and what of ours they stand for."""
    names = frozenset(_names_in(function.__code__))
    known = function.__globals__
    found: list[object] = [known[name] for name in names if name in known]
    found += (sys.modules[name] for name in names if name in sys.modules and name.startswith(OURS))
    modules = [each for each in found if isinstance(each, ModuleType) and each.__name__.startswith(OURS)]
    found += (vars(module)[name] for module in modules for name in names if name in vars(module))
    found += _held(function)
    return names, tuple(dict.fromkeys(each for value in found for each in _followed(value)))


def _held(function: FunctionType) -> Iterator[object]:
    """What a decorated function closes over."""
    for cell in function.__closure__ or ():
        try:
            yield cell.cell_contents
        except ValueError:  # not bound yet
            continue


def _names_in(code: CodeType) -> Iterator[str]:
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _names_in(constant)


def _followed(value: object) -> Iterator[Followed]:
    """Functions and classes of ours, also out of a table."""
    if isinstance(value, FunctionType | type):
        if value.__module__.startswith(OURS):
            yield value
    elif isinstance(value, Mapping):
        for inner in value.values():
            yield from _followed(inner)
    elif isinstance(value, tuple | list | set | frozenset):
        for inner in value:
            yield from _followed(inner)


@cache
def _methods_of(cls: type) -> tuple[tuple[str, FunctionType], ...]:
    return tuple(
        (name, function)
        for base in cls.__mro__
        if base.__module__.startswith(OURS)
        for name, value in vars(base).items()
        for function in _plain(value)
    )


def _plain(value: object) -> Iterator[FunctionType]:
    inner = value.fget if isinstance(value, property) else getattr(value, "__func__", value)
    if isinstance(inner, FunctionType):
        yield inner
