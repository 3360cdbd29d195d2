"""Which refusals are found from a function: over calls, tables, classes, decorators and imports of its own."""

from collections.abc import Callable
from functools import wraps

import pytest

from app.shared.errors import Conflict, DomainError, Forbidden, NotFound
from app.web.openapi import raised as module
from app.web.openapi.raised import Reached


@pytest.fixture(autouse=True)
def here(monkeypatch: pytest.MonkeyPatch) -> None:
    """This file counts as ours."""
    monkeypatch.setattr(module, "OURS", ("app.", __name__))


class Store:
    def find(self) -> None:
        raise NotFound()

    def lock(self) -> None:
        raise Conflict()


def ends() -> None:
    raise Forbidden()


def over_a_call() -> None:
    ends()


def over_a_table() -> None:
    TABLE["ends"]()


def by_a_method() -> None:
    Store().find()


def in_a_comprehension() -> list[None]:
    return [ends() for _ in range(2)]  # type: ignore[func-returns-value]


def decorated(function: Callable[[], None]) -> Callable[[], None]:
    @wraps(function)
    def run() -> None:
        function()

    return run


@decorated
def behind_a_decorator() -> None:
    ends()


def nothing() -> str:
    return "ends"


TABLE = {"ends": ends}


@pytest.mark.parametrize(
    ("start", "errors"),
    [
        (over_a_call, {Forbidden}),
        (over_a_table, {Forbidden}),
        (by_a_method, {NotFound}),
        (in_a_comprehension, {Forbidden}),
        (behind_a_decorator, {Forbidden}),
        (nothing, set()),
    ],
)
def test_what_a_function_may_end_in(start: Callable[[], None], errors: set[type[DomainError]]) -> None:
    assert Reached(start).errors == errors  # type: ignore[arg-type]
