"""The unit of work: one transaction whichever way its statements go, and a connection that died is nobody's error."""

from __future__ import annotations

import psycopg
import pytest
from psycopg.errors import ReadOnlySqlTransaction, UniqueViolation
from sqlalchemy import bindparam, select, text
from sqlalchemy.exc import IntegrityError, InternalError, OperationalError

from app.shared.db import database_down
from app.shared.db.plan import plan_of
from app.shared.ids import new_id
from app.shared.policy.models import PolicyValue

pytestmark = pytest.mark.commits
COUNT = text("SELECT count(*) FROM shared.policy_values WHERE key = :key")
ADD = text("INSERT INTO shared.policy_values (id, key, value) VALUES (:id, :key, '1')")
LOCKED = text("SELECT key FROM shared.policy_values WHERE key = :key FOR UPDATE")
PARTITIONS = text("SELECT admin.make_audit_partitions(9)")
ENTITIES = select(PolicyValue).where(PolicyValue.key == bindparam("key"))
COLUMNS = select(PolicyValue.key, PolicyValue.set_at).where(PolicyValue.key == bindparam("key")).limit(7)
LISTED = text("SELECT 1 WHERE 1 IN :ids").bindparams(bindparam("ids", expanding=True))
OTHERS = "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = %s AND pid <> pg_backend_pid()"


def cut(database) -> None:
    """Every connection to the database ends, as when it is restarted."""
    with psycopg.connect(database.superuser, autocommit=True) as connection:
        connection.execute(OTHERS, (database.name,))


async def test_connections_that_died_while_idle_are_replaced_unseen(db, database) -> None:
    async with db.unit_of_work() as one, db.unit_of_work() as other:  # two of them wait in the pool
        assert await one.session.scalar(COUNT, {"key": "k"}) == await other.session.scalar(COUNT, {"key": "k"}) == 0
    cut(database)
    async with db.unit_of_work() as unit:
        await unit.session.execute(ADD, {"id": new_id(), "key": "k"})
    async with db.unit_of_work() as unit:
        assert await unit.session.scalar(COUNT, {"key": "k"}) == 1


async def _write_and_lose_the_connection(db, database) -> None:
    async with db.unit_of_work() as unit:
        await unit.session.execute(ADD, {"id": new_id(), "key": "k"})
        cut(database)
        await unit.session.execute(ADD, {"id": new_id(), "key": "l"})


async def test_a_connection_that_dies_in_a_transaction_fails_it_and_no_other(db, database) -> None:
    with pytest.raises(OperationalError) as caught:
        await _write_and_lose_the_connection(db, database)
    assert caught.value.connection_invalidated
    assert database_down(caught.value)
    async with db.unit_of_work() as unit:
        assert await unit.session.scalar(COUNT, {"key": "k"}) == 0


async def test_entities_and_direct_statements_share_the_transaction(db) -> None:
    async with db.unit_of_work() as unit:
        unit.session.add(PolicyValue(key="k", value=1))
        await unit.session.flush()
        assert await unit.session.scalar(COUNT, {"key": "k"}) == 1
        await unit.session.execute(ADD, {"id": new_id(), "key": "other"})
        assert len(list(await unit.session.scalars(ENTITIES, {"key": "other"}))) == 1
    async with db.unit_of_work() as unit:
        assert await unit.session.scalar(COUNT, {"key": "k"}) == 1


async def _fail(db) -> None:
    async with db.unit_of_work() as unit:
        unit.session.add(PolicyValue(key="k", value=1))
        await unit.session.flush()
        await unit.session.execute(ADD, {"id": new_id(), "key": "other"})
        raise ValueError("stop")


async def test_what_fails_leaves_nothing(db) -> None:
    with pytest.raises(ValueError, match="stop"):
        await _fail(db)
    async with db.unit_of_work() as unit:
        assert await unit.session.scalar(COUNT, {"key": "k"}) == await unit.session.scalar(COUNT, {"key": "other"}) == 0


async def test_a_select_reads_the_same_on_its_second_time(db) -> None:
    async with db.unit_of_work() as unit:
        await unit.session.execute(ADD, {"id": new_id(), "key": "k"})
        seen = [(await unit.session.execute(COLUMNS, {"key": "k"})).mappings().one() for _ in range(3)]
        assert plan_of(COLUMNS, db.engine.dialect) is not None
    assert dict(seen[0]) == dict(seen[1]) == dict(seen[2])
    assert seen[2]["set_at"].tzinfo == seen[0]["set_at"].tzinfo


async def test_the_driver_takes_what_is_constant_and_has_no_list(db) -> None:
    for _ in range(3):
        assert plan_of(COUNT, db.engine.dialect) is not None
        assert plan_of(ENTITIES, db.engine.dialect) is None
        assert plan_of(LISTED, db.engine.dialect) is None
    async with db.unit_of_work() as unit:
        assert await unit.session.scalar(LISTED, {"ids": [1, 2]}) == 1


async def test_errors_are_those_of_sqlalchemy_and_hold_no_values(db) -> None:
    key = new_id()
    async with db.unit_of_work() as unit:
        assert (await unit.session.execute(ADD, {"id": key, "key": "secret-name"})).rowcount == 1
    with pytest.raises(IntegrityError) as caught:
        await _add(db, key)
    assert isinstance(caught.value.orig, UniqueViolation)
    assert not database_down(caught.value)
    assert "secret-name" not in str(caught.value).replace(str(caught.value.orig), "")


async def _add(db, key) -> None:
    async with db.unit_of_work() as unit:
        await unit.session.execute(ADD, {"id": key, "key": "secret-name"})


async def _change_while_looking(db) -> None:
    async with db.unit_of_work(read_only=True) as unit:
        await unit.session.execute(ADD, {"id": new_id(), "key": "k"})


async def test_the_database_refuses_a_change_of_who_only_looks(db) -> None:
    with pytest.raises(InternalError) as caught:
        await _change_while_looking(db)
    assert isinstance(caught.value.orig, ReadOnlySqlTransaction)


async def test_a_connection_that_dies_between_two_reads_is_replaced_unseen(db, database) -> None:
    async with db.unit_of_work() as unit:
        assert await unit.session.scalar(COUNT, {"key": "k"}) == 0
        cut(database)
        assert await unit.session.scalar(COUNT, {"key": "k"}) == 0
        await unit.session.execute(ADD, {"id": new_id(), "key": "k"})
    async with db.unit_of_work() as unit:
        assert await unit.session.scalar(COUNT, {"key": "k"}) == 1


async def test_only_what_changes_or_locks_begins_a_transaction(db) -> None:
    async with db.unit_of_work() as unit:
        await unit.session.scalar(COUNT, {"key": "k"})
        assert not unit.session.transaction.is_open
        await unit.session.scalar(LOCKED, {"key": "k"})
        assert unit.session.transaction.is_open


async def test_a_function_that_changes_something_gets_a_transaction(db) -> None:
    assert plan_of(PARTITIONS, db.engine.dialect).reads  # by its text
    async with db.unit_of_work() as unit:
        assert await unit.session.scalar(PARTITIONS) >= 0
        assert unit.session.transaction.is_open


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT 1 FROM t FOR NO KEY UPDATE",
        "SELECT 1 FROM t FOR SHARE",
        "SELECT pg_advisory_xact_lock(1)",
        "SET LOCAL lock_timeout = 1",
        "SET TRANSACTION READ ONLY",
        "WITH gone AS (DELETE FROM t RETURNING id) SELECT count(*) FROM gone",
        "LOCK TABLE t",
        "UPDATE t SET a = 1",
    ],
)
async def test_a_statement_that_changes_or_locks_is_known_by_its_text(db, statement) -> None:
    assert not plan_of(text(statement), db.engine.dialect).reads


async def test_a_unit_without_a_statement_takes_no_connection(db) -> None:
    async with db.unit_of_work():
        assert db.engine.pool.checkedout() == 0


async def test_a_savepoint_undoes_direct_statements_too(db) -> None:
    async with db.unit_of_work() as unit:
        with pytest.raises(IntegrityError):
            await _twice_in_a_savepoint(unit.session)
        assert await unit.session.scalar(COUNT, {"key": "k"}) == 0
        await unit.session.execute(ADD, {"id": new_id(), "key": "l"})
    async with db.unit_of_work() as unit:
        assert await unit.session.scalar(COUNT, {"key": "l"}) == 1


async def _twice_in_a_savepoint(session) -> None:
    key = new_id()
    async with session.begin_nested():
        await session.execute(ADD, {"id": key, "key": "k"})
        await session.execute(ADD, {"id": key, "key": "k2"})
