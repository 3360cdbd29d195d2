"""The audit log: filters, paging that skips nothing, exports that stream, partitions that stay append-only."""

import csv
import io
import json
import time
import tracemalloc
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest
from sqlalchemy import text

from app.domains.admin.jobs import make_audit_partitions
from app.domains.admin.repository.audit import BATCH
from app.domains.admin.rules.values import AuditFilter
from app.domains.admin.service import audit
from app.domains.admin.service.audit import ExportAudit
from app.domains.auth.service import organisations, workspaces
from app.shared.authz.actor import SYSTEM
from app.shared.context import Runtime
from app.shared.ids import new_id
from tests.domains.admin.helpers import audited, give_role, words, write_many, write_rows
from tests.fixtures.app import expire, tenant_of
from tests.fixtures.postgres import DatabaseUrls

SIGN_IN = "session.sign_in"  # each person of a test leaves such a row


async def _actions(browser: Any, query: str) -> list[str]:
    answer = await browser.client.get(f"/api/v1/admin/audit{query}")
    assert answer.status_code == 200, answer.text
    return [row["action"] for row in answer.json()["items"] if row["action"] != SIGN_IN]


async def test_each_filter_narrows_and_stands_in_the_url_as_a_chip(runtime: Runtime, sign_in_as: Any) -> None:
    ada, olga = await sign_in_as("ada"), await sign_in_as("olga", operator=True)
    await write_rows(runtime, ada.actor, "t.one", "t.two")
    await write_rows(runtime, olga.actor, "t.three", result="refused", reason="forbidden")
    await write_rows(runtime, ada.actor, "t.old", age=200_000)
    assert await _actions(olga, "") == ["t.three", "t.two", "t.one", "t.old"]
    assert await _actions(olga, f"?actor={ada.actor.id}") == ["t.two", "t.one", "t.old"]
    assert await _actions(olga, "?actor=ADA@example.com") == ["t.two", "t.one", "t.old"]
    assert await _actions(olga, "?actor=nobody@example.com") == []
    assert await _actions(olga, "?action=t.two") == ["t.two"]
    assert await _actions(olga, f"?tenant={tenant_of(ada)}&result=allowed&story=story-0001") == ["t.two"]
    assert await _actions(olga, "?result=refused") == ["t.three"]
    assert await _actions(olga, f"?to={(datetime.now(UTC) - timedelta(days=1)).date()}") == ["t.old"]
    assert await _actions(olga, f"?target=allocation:{new_id()}") == []
    page = await olga.client.get("/admin/audit?action=t.two&result=allowed")
    assert 'href="/admin/audit?result=allowed"' in page.text and "action t.two" in words(page.text)
    for wrong in ("?actor=x", "?tenant=x", "?result=x", "?from=x", "?cursor=x"):
        answer = await olga.client.get(f"/api/v1/admin/audit{wrong}")
        assert answer.status_code == 422, wrong


async def test_pages_of_rows_of_one_instant_skip_and_repeat_nothing(runtime: Runtime, sign_in_as: Any) -> None:
    olga = await sign_in_as("olga", operator=True)
    at = datetime.now(UTC)
    for _ in range(7):
        await write_rows(runtime, olga.actor, "t.same", occurred_at=at)
    seen: list[str] = []
    cursor = ""
    while cursor is not None:
        body = (await olga.client.get(f"/api/v1/admin/audit?action=t.same&limit=3{cursor}")).json()
        seen += [row["id"] for row in body["items"]]
        cursor = body["next_cursor"] and f"&cursor={body['next_cursor']}"
    assert len(seen) == len(set(seen)) == 7


async def test_a_row_is_shown_whole_with_names_that_are_not_in_it(runtime: Runtime, sign_in_as: Any) -> None:
    ada, olga = await sign_in_as("ada"), await sign_in_as("olga", operator=True)
    await write_rows(runtime, ada.actor, "t.one", details={"before": "<b>", "after": 2})
    [row] = (await olga.client.get("/api/v1/admin/audit?action=t.one")).json()["items"]
    assert "Ada" not in json.dumps(row)
    page = await olga.client.get(f"/admin/audit/{row['id']}")
    assert "Ada" in page.text and "&lt;b&gt;" in page.text


async def test_a_row_of_a_change_says_what_was_there_before_and_what_is_now(runtime: Runtime, sign_in_as: Any) -> None:
    ada, olga = await sign_in_as("ada"), await sign_in_as("olga", operator=True)
    changes = {"role": ["tenant_member", None], "on_sale": [False, True], "owner_id": [None, str(ada.actor.id)]}
    await write_rows(runtime, ada.actor, "t.one", details={"changes": changes, "reason": "moved"})
    [row] = (await olga.client.get("/api/v1/admin/audit?action=t.one")).json()["items"]
    assert row["details"]["changes"] == changes
    text = words((await olga.client.get(f"/admin/audit/{row['id']}")).text)
    for line in ("role tenant_member none", "on sale no yes", "owner id none Ada", "moved"):
        assert line in text


async def test_an_export_is_a_safe_file_and_a_row_of_the_log_itself(runtime: Runtime, sign_in_as: Any) -> None:
    ada, olga = await sign_in_as("ada"), await sign_in_as("olga", operator=True)
    await write_rows(runtime, ada.actor, "t.one", target_id="=HYPERLINK(1)")
    answer = await olga.post("/admin/audit/export", format="csv", action="t.one")
    assert answer.status_code == 200 and "attachment" in answer.headers["content-disposition"]
    columns, row = csv.reader(io.StringIO(answer.text))
    assert dict(zip(columns, row, strict=True))["target_id"] == "'=HYPERLINK(1)"
    lines = (await olga.post_json("/api/v1/admin/audit/export", {"format": "jsonl"})).text.splitlines()
    actions = [json.loads(line)["action"] for line in lines]
    assert [action for action in actions if action != SIGN_IN] == ["audit.export", "audit.export", "t.one"]
    exports = [row for row in await audited(runtime) if row["action"] == "audit.export"]
    assert exports[0]["details"] == {"format": "csv", "filter": {"action": "t.one"}}
    assert (await olga.post("/admin/audit/export", format="exe")).status_code == 422


@pytest.mark.commits
@pytest.mark.parametrize("count", [20_000, pytest.param(200_000, marks=pytest.mark.slow)])
async def test_a_long_log_leaves_in_flat_memory_and_begins_at_once(
    runtime: Runtime, sign_in_as: Any, count: int
) -> None:
    olga = await sign_in_as("olga", operator=True)
    await write_many(runtime, count, None, None)

    def contexts() -> Any:
        return runtime.context(olga.actor)

    started = time.monotonic()
    first_after, sizes, held = 0.0, [], []
    tracemalloc.start()
    try:
        async for part in audit.stream_export(contexts, ExportAudit(format="jsonl", filter=AuditFilter())):
            first_after = first_after or time.monotonic() - started
            sizes.append(part.count(b"\n"))
            held.append(tracemalloc.get_traced_memory()[0])
    finally:
        tracemalloc.stop()
    assert sum(sizes) == count + 1 and max(sizes) <= BATCH
    assert first_after < (time.monotonic() - started) / 4  # the first batch does not wait for the last
    assert max(held[10:]) - held[5] < 1_000_000, (held[5], max(held))  # under two batches, however long the log is


async def test_only_administrators_and_auditors_read_the_log(runtime: Runtime, sign_in_as: Any) -> None:
    ben, eve = await sign_in_as("ben"), await sign_in_as("eve")
    await give_role(runtime, ben, "platform_auditor")
    await give_role(runtime, eve, "platform_operator")
    assert (await ben.client.get("/admin/audit")).status_code == 200
    assert (await eve.client.get("/admin/audit")).status_code == 403
    assert (await eve.post("/admin/audit/export", format="csv")).status_code == 403


# -- the customer's side --------------------------------------------------------------------------------------------


async def test_activity_says_in_words_what_was_done_here_and_nothing_of_others(
    runtime: Runtime, sign_in_as: Any
) -> None:
    ada, eve = await sign_in_as("ada"), await sign_in_as("eve")
    olga = await sign_in_as("olga", operator=True)
    await write_rows(runtime, ada.actor, "allocation.launch")
    await write_rows(runtime, eve.actor, "team.invite")
    await write_rows(runtime, olga.actor, "customer.suspend", about_tenant=tenant_of(ada), details={"reason": "fraud"})
    page = words((await ada.client.get("/activity")).text)
    assert "launched a machine" in page and "invited a person" not in page
    assert "Berth support suspended the organisation fraud" in page and "Olga" not in page
    lines = (await ada.client.get("/api/v1/activity")).json()["items"]
    lines = [line for line in lines if line["action"] != SIGN_IN]
    assert [(line["who"], line["actor_id"]) for line in lines] == [
        ("Berth support", None),
        ("Ada", str(ada.actor.id)),
    ]
    other = await ada.client.get(f"/api/v1/activity?tenant={tenant_of(eve)}")
    assert {line["action"] for line in other.json()["items"]} == {"customer.suspend", "allocation.launch", SIGN_IN}
    export = await ada.post("/activity/export", format="csv")
    assert export.status_code == 200 and "invited" not in export.text and "launched a machine" in export.text


async def test_an_empty_activity_says_the_first_step(runtime: Runtime, sign_in_as: Any) -> None:
    ada = await sign_in_as("ada")
    async with runtime.context(ada.actor) as ctx:
        place = await organisations.add_organisation(ctx, ada.actor.id, "Quiet")
    async with runtime.context(ada.actor) as ctx:
        assert await workspaces.enter_workspace(ctx, ada.actor.id, place.tenant_id, place.project_id)
    await expire(runtime)
    assert "No activity yet" in (await ada.client.get("/activity")).text


# -- partitions -----------------------------------------------------------------------------------------------------


@pytest.mark.commits
async def test_months_ahead_have_partitions_and_each_is_append_only(runtime: Runtime, database: DatabaseUrls) -> None:
    with psycopg.connect(database.owner, autocommit=True) as owner:
        owner.execute("DROP TABLE admin.audit_logs_default CASCADE")
        owner.execute("CREATE TABLE admin.audit_logs_default PARTITION OF admin.audit_logs DEFAULT")
        name = f"audit_logs_{datetime.now(UTC):%Y_%m}"
        owner.execute(f"DROP TABLE admin.{name}")
    await make_audit_partitions(runtime, {})
    await make_audit_partitions(runtime, {})
    await write_rows(runtime, SYSTEM, "t.one")
    with psycopg.connect(database.owner, autocommit=True) as owner:
        assert owner.execute(f"SELECT count(*) FROM admin.{name}").fetchone() == (1,)
        for statement in (
            f"UPDATE admin.{name} SET action = 'x'",
            f"DELETE FROM admin.{name}",
            f"TRUNCATE admin.{name}",
        ):
            with pytest.raises(psycopg.errors.InsufficientPrivilege, match="append-only"):
                owner.execute(statement)
    with psycopg.connect(database.app, autocommit=True) as product:
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            product.execute(f"INSERT INTO admin.{name} SELECT * FROM admin.audit_logs")


async def test_a_query_by_actor_walks_an_index(runtime: Runtime, sign_in_as: Any) -> None:
    olga = await sign_in_as("olga", operator=True)
    await write_many(runtime, 3_000, None, None)
    await write_rows(runtime, olga.actor, "t.one")
    async with runtime.context(SYSTEM) as ctx:
        await ctx.session.execute(text("SET LOCAL enable_seqscan = off"))
        await ctx.session.execute(text("SET LOCAL enable_bitmapscan = off"))
        query = (
            "EXPLAIN SELECT * FROM admin.audit_logs WHERE actor_id = :id ORDER BY occurred_at DESC, id DESC LIMIT 50"
        )
        plan = "\n".join(await ctx.session.scalars(text(query), {"id": olga.actor.id}))
    assert "Merge Append" in plan and "Index Scan" in plan and "->  Sort" not in plan, plan
