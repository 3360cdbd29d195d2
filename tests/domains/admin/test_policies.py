"""Policies: bounds, reasons, history, ETag, and a change that counts at once."""

import asyncio
import itertools
from typing import Any

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text

from app.domains.admin.service import policies
from app.domains.admin.service.policies import SetPolicy
from app.domains.admin.service.policy_values import PolicyScope, in_force
from app.shared.authz.actor import SYSTEM
from app.shared.context import Runtime, WebInfo
from app.shared.ids import new_id
from app.shared.policy import POLICIES
from app.shared.policy.changes import StoredValue
from app.shared.policy.keys import PolicyKey
from tests.domains.admin.helpers import audited, give_role, words
from tests.fixtures.app import tenant_of
from tests.fixtures.postgres import DatabaseUrls

KEY = "billing.hold_seconds"
PATH = f"/api/v1/admin/policies/{KEY}"
SECRETLY = "INSERT INTO shared.policy_values (id, key, value) VALUES (:id, :key, '60')"


async def _put(browser: Any, body: dict[str, object], etag: str | None = None) -> Any:
    headers = {"sec-fetch-site": "same-origin", "x-csrftoken": browser.csrf, "x-idempotency-key": str(new_id())}
    return await browser.client.put(PATH, json=body, headers=headers | ({"if-match": etag} if etag else {}))


async def _now(runtime: Runtime, tenant_id: Any = None, project_id: Any = None) -> int:
    async with runtime.context(SYSTEM) as ctx:
        return int(await ctx.policy(POLICIES[KEY], tenant_id, project_id))  # type: ignore[arg-type]


async def test_a_change_counts_for_the_next_transaction_at_its_scope_only(runtime: Runtime, sign_in_as: Any) -> None:
    ada, olga = await sign_in_as("ada"), await sign_in_as("olga", operator=True)
    assert await _now(runtime) == 7_200
    assert (await _put(olga, {"value": 3_600, "reason": "shorter holds"})).status_code == 200
    assert await _now(runtime) == 3_600
    mine = {"value": 60, "reason": "a pilot", "tenant_id": str(tenant_of(ada))}
    assert (await _put(olga, mine)).status_code == 200
    assert (await _now(runtime, tenant_of(ada)), await _now(runtime, new_id())) == (60, 3_600)
    project = {**mine, "value": 30, "project_id": str(ada.actor.project_id)}
    assert (await _put(olga, project)).status_code == 200
    assert await _now(runtime, tenant_of(ada), ada.actor.project_id) == 30
    assert (await _put(olga, {**mine, "value": None})).status_code == 200
    assert await _now(runtime, tenant_of(ada)) == 3_600
    rows = [row for row in await audited(runtime) if row["action"] == "policy.set"]
    assert [row["tenant_id"] for row in rows] == [None, tenant_of(ada), tenant_of(ada), tenant_of(ada)]
    assert rows[0]["details"]["changes"] == {"value": [None, 3_600]}  # type: ignore[index]


async def _shown(runtime: Runtime) -> int:
    page = WebInfo(path="/", is_htmx=False, theme="", csrf_token="", reads=True)
    async with runtime.context(SYSTEM, web=page) as ctx:
        return int(await ctx.policy(POLICIES[KEY]))  # type: ignore[arg-type]


async def test_a_page_may_show_what_was_in_force_but_a_change_is_shown_at_once(
    runtime: Runtime, sign_in_as: Any
) -> None:
    olga = await sign_in_as("olga", operator=True)
    assert await _shown(runtime) == 7_200
    async with runtime.context(SYSTEM) as ctx:  # past the use case, so that nobody is told
        await ctx.session.execute(text(SECRETLY), {"id": new_id(), "key": KEY})
    assert await _shown(runtime) == 7_200
    assert await _now(runtime) == 60  # whoever acts reads the rows
    assert (await _put(olga, {"value": 3_600, "reason": "shorter holds"})).status_code == 200
    assert await _shown(runtime) == await _now(runtime) == 3_600


@pytest.mark.parametrize(
    "body",
    [
        {"value": -1, "reason": "below the bound"},
        {"value": 604_801, "reason": "above the bound"},
        {"value": "7200", "reason": "of another type"},
        {"value": True, "reason": "of another type"},
        {"value": 60, "reason": ""},
        {"value": 60, "reason": "a project alone", "project_id": str(new_id())},
    ],
)
async def test_what_is_out_of_bounds_or_without_a_reason_changes_nothing(
    runtime: Runtime, sign_in_as: Any, body: dict[str, object]
) -> None:
    olga = await sign_in_as("olga", operator=True)
    assert (await _put(olga, body)).status_code == 422
    assert await _now(runtime) == 7_200
    assert (await olga.client.get(PATH)).json()["version"] == 0


async def test_a_change_names_the_version_it_saw(sign_in_as: Any) -> None:
    olga = await sign_in_as("olga", operator=True)
    seen = (await olga.client.get(PATH)).headers["etag"]
    first = await _put(olga, {"value": 3_600, "reason": "first"}, seen)
    assert first.status_code == 200 and first.headers["etag"] == '"1"'
    assert (await _put(olga, {"value": 1_800, "reason": "second"}, seen)).status_code == 412
    assert (await _put(olga, {"value": 3_600, "reason": "the same"}, '"1"')).json()["changed"] is False


@pytest.mark.commits
async def test_two_changes_at_once_both_stand_in_the_history(runtime: Runtime, sign_in_as: Any) -> None:
    olga = await sign_in_as("olga", operator=True)

    async def change(value: int) -> None:
        async with runtime.context(olga.actor) as ctx:
            await policies.set_policy(ctx, SetPolicy(key=KEY, value=value, reason=f"to {value}"))

    await asyncio.gather(*(change(value) for value in range(100, 112)))
    items = (await olga.client.get(f"{PATH}/changes")).json()["items"]
    assert [item["version"] for item in items] == list(range(12, 0, -1))
    for newer, older in itertools.pairwise(items):
        assert newer["before"] == older["after"]
    assert await _now(runtime) == items[0]["after"]


def test_the_history_cannot_be_changed(worker_database: DatabaseUrls) -> None:
    with psycopg.connect(worker_database.app, autocommit=True) as product:
        for statement in ("UPDATE shared.policy_changes SET reason = 'x'", "DELETE FROM shared.policy_changes"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                product.execute(statement)


async def test_the_page_shows_the_effect_before_it_asks_for_the_reason(runtime: Runtime, sign_in_as: Any) -> None:
    ada, olga = await sign_in_as("ada"), await sign_in_as("olga", operator=True)
    await _put(olga, {"value": 60, "reason": "a pilot", "tenant_id": str(tenant_of(ada))})
    page = words((await olga.client.get(f"/admin/policies/{KEY}?value=3600")).text)
    assert "2 h 00 m becomes 1 h 00 m" in page
    assert "1 narrower value overrides it" in page and "Ada&#39;s organisation: 1 m 00 s" in page
    wrong = words((await olga.client.get(f"/admin/policies/{KEY}?value=999999999")).text)
    assert "must be at most 604800" in wrong and "The effect" not in wrong
    answer = await olga.post(f"/admin/policies/{KEY}", value="3600", reason="shorter holds", seen="1")
    assert answer.status_code == 303 and await _now(runtime) == 3_600
    page = words((await olga.client.get(f"/admin/policies/{KEY}")).text)
    assert "shorter holds" in page and "Olga" in page
    everything = words((await olga.client.get("/admin/policies")).text)
    assert all(name in everything for name in POLICIES)


async def test_only_the_administrator_sets_policies_and_others_of_us_read_them(
    runtime: Runtime, sign_in_as: Any
) -> None:
    ben, ada = await sign_in_as("ben"), await sign_in_as("ada")
    await give_role(runtime, ben, "platform_finance")
    assert (await ben.client.get(f"/admin/policies/{KEY}")).status_code == 200
    assert "See the effect" not in (await ben.client.get(f"/admin/policies/{KEY}")).text
    assert (await _put(ben, {"value": 60, "reason": "mine"})).status_code == 403
    assert (await ada.client.get(f"/admin/policies/{KEY}")).status_code == 403


SCOPES = st.sampled_from([(None, None), (1, None), (1, 1), (2, None), (2, 2)])


@given(st.dictionaries(SCOPES, st.integers(-5, 15), max_size=5), SCOPES)
def test_what_the_page_calls_in_force_is_what_the_store_reads(values: dict[Any, int], place: Any) -> None:
    """The narrowest stored value, or the default when that one is out of bounds."""
    from uuid import UUID

    key = PolicyKey(name="t.key", default=7, minimum=0, maximum=10, description="")
    ids = {None: None, 1: UUID(int=1), 2: UUID(int=2)}
    stored = [
        StoredValue(
            key="t.key",
            value=value,
            tenant_id=ids[tenant],
            project_id=ids[project],
            set_by=None,
            set_at=None,  # type: ignore[arg-type]
            reason="",
        )
        for (tenant, project), value in sorted(values.items(), key=lambda item: (item[0][0] or 0, item[0][1] or 0))
    ]
    tenant, project = place
    chain = [one for one in ((tenant, project), (tenant, None), (None, None)) if one in values]
    wanted = values[chain[0]] if chain else 7
    scope = PolicyScope(tenant_id=ids[tenant], project_id=ids[project])
    assert in_force(key, stored, scope) == (wanted if 0 <= wanted <= 10 else 7)


async def test_a_value_set_behind_our_back_is_shown_as_out_of_bounds(runtime: Runtime, sign_in_as: Any) -> None:
    olga = await sign_in_as("olga", operator=True)
    async with runtime.context(SYSTEM) as ctx:
        insert = "INSERT INTO shared.policy_values (id, key, value) VALUES (:id, :key, CAST('-5' AS jsonb))"
        await ctx.session.execute(text(insert), {"id": new_id(), "key": KEY})
    assert "Out of bounds" in (await olga.client.get(f"/admin/policies/{KEY}")).text
    assert await _now(runtime) == 7_200
