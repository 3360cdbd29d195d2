"""Every text of every change of the API, with spaces, letters and lengths that programs like to tidy: what is accepted
stands in the database and in the answer exactly as it was sent, and nowhere otherwise; anything else is refused.

The requests are those of `tests/api/changes`; a text that they send is replaced by each sample. A value that holds the
mark of a sample without being the whole of it was changed by somebody.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from functools import cache
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import TextClause, text

from tests.api.changes.vendors import vendors
from tests.api.changes.world import Ask, World, prepare
from tests.api.test_every_change_repeated import GROUPS, TABLES, undone
from tests.domains.storage.conftest import runtime, settings  # noqa: F401 - a project with a bucket
from tests.fixtures.app import SignIn

if TYPE_CHECKING:
    from app.shared.context import Runtime
    from app.shared.db import Database

MARK = "qzmark"
SAMPLES = {
    "a name": f"{MARK} name",
    "a name in many scripts": f"{MARK} Chloé ß İ 日本 می‌خواهم",
    "as long as a name may be": MARK + "x" * (100 - len(MARK)),
    "longer than a name": MARK + "x" * 130,
    "longer than words": MARK + "x" * 700,
    "spaces around": f"  {MARK} around  ",
    "two spaces": f"{MARK}  two",
    "a space that does not break": f"{MARK}\u00a0space",
    "a wide space": f"{MARK}\u3000space",
    "a tab": f"{MARK}\ttab",
    "lines": f"{MARK}\none\r\ntwo",
    "a control character": f"{MARK}\x1b[31m",
    "nothing that is seen": f"{MARK}\u200b\u202e",
    "decomposed": f"{MARK} Chloe\u0301",
    "capitals": f"{MARK} CAPITALS",
}
QUESTIONS = {"confirm_name"}  # what is compared and not kept
READ = {"POST /admin/audit/export", "POST /activity/export"}  # filters
DERIVED: dict[str, str] = {}


def texts(value: Any, at: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Where texts stand in a body."""
    if isinstance(value, str):
        yield at
    elif isinstance(value, dict):
        for name, inner in value.items():
            yield from texts(inner, (*at, name))
    elif isinstance(value, list):
        for number, inner in enumerate(value):
            yield from texts(inner, (*at, number))


def leaves(value: Any) -> Iterator[str]:
    """Every text in a value, and in JSON that stands as text."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for name, inner in value.items():
            yield from leaves(name)
            yield from leaves(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from leaves(inner)


def laid(body: dict[str, Any], at: tuple[Any, ...], said: str) -> dict[str, Any]:
    whole = copy.deepcopy(body)
    inner: Any = whole
    for step in at[:-1]:
        inner = inner[step]
    inner[at[-1]] = said
    return whole


def is_whole(leaf: str, said: str) -> bool:
    return said in leaf or json.dumps(said)[1:-1] in leaf or json.dumps(said, ensure_ascii=False)[1:-1] in leaf


@cache
def rows_with_the_mark(tables: tuple[str, ...]) -> TextClause:
    """One statement for all of them; the same each time, so that the database plans it once."""
    row = f"SELECT '{{0}}', to_jsonb(t) FROM {{0}} t WHERE t::text LIKE '%{MARK}%'"
    return text(" UNION ALL ".join(map(row.format, tables)))


async def marked(w: World) -> list[tuple[str, str]]:
    """Every text in the database that holds the mark, with its table and column."""
    async with w.db.unit_of_work() as unit:
        if not w.tables:
            w.tables += await unit.session.scalars(TABLES)
        found = await unit.session.execute(rows_with_the_mark(tuple(w.tables)))
        return [
            (f"{table}.{column}", leaf)
            for table, row in found
            for column, value in row.items()
            for leaf in leaves(value)
            if MARK in leaf
        ]


async def faults(w: World, name: str, ask: Ask, at: tuple[Any, ...], said: str) -> Iterator[str]:
    """What is wrong about sending `said` there."""
    method, _, template = name.partition(" ")
    answer = await w.send(ask.who, method, template.format(**ask.path), laid(ask.body or {}, at, said))
    if not answer.is_success and answer.status_code != 207:
        return iter(() if 400 <= answer.status_code < 500 else (f"{answer.status_code} {answer.text[:200]}",))
    stored = await marked(w)
    shown = [("the answer", leaf) for leaf in leaves(answer.json() if answer.content else None) if MARK in leaf]
    wrong = [
        f"{where} has {leaf!r}"
        for where, leaf in (*stored, *shown)
        if not is_whole(leaf, said) and where not in DERIVED
    ]
    taken = answer.status_code != 207 and not any(is_whole(leaf, said) for _, leaf in (*stored, *shown))
    return iter([*wrong, *(["it was accepted and stands nowhere"] if taken else [])])


@pytest.mark.parametrize("group", list(GROUPS))
async def test_what_was_accepted_is_kept_exactly(
    runtime: Runtime,  # noqa: F811
    db: Database,
    sign_in_as: SignIn,
    tmp_path: Any,
    group: str,
) -> None:
    wrong = []
    async with vendors(runtime, tmp_path):
        w = await prepare(runtime, db, sign_in_as)
        for name, recipe in GROUPS[group].items():
            async with undone(w):
                ask = await recipe(w)
                for at in texts(ask.body or {}):
                    if at[-1] in QUESTIONS or name in READ:
                        continue
                    for what, said in SAMPLES.items():
                        savepoint = await w.db._outer.begin_nested()
                        wrong += [f"{name} {at}, {what}: {one}" for one in await faults(w, name, ask, at, said)]
                        await savepoint.rollback()
    assert not wrong, "\n".join(wrong)
