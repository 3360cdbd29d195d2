"""Pages of policies: the list, and one key with its values, its history and the preview of a change."""

from typing import Annotated

from litestar import Response, get, post
from litestar.params import FromPath, QueryParameter

from app.domains.admin.handlers.options import PLATFORM_POLICY_MANAGE, PLATFORM_POLICY_READ
from app.domains.admin.schemas.policies import PoliciesPage, PolicyForm, PolicyPage
from app.domains.admin.service import policies, policy_values
from app.web import Ctx, Form, page, redirect
from app.web.approvals import next_page
from app.web.query import LongText, Search

Before = Annotated[int | None, QueryParameter(name="cursor", ge=1)]
HISTORY = 20


@get("/admin/policies", opt=PLATFORM_POLICY_READ)
async def list_policies(ctx: Ctx, search: Search = "") -> Response[str]:
    """Every key with its value."""
    return await page(ctx, "admin/policies.html", PoliciesPage.of(await policies.list_policies(ctx), search))


@get("/admin/policies/{key:str}", opt=PLATFORM_POLICY_READ)
async def show_policy(
    ctx: Ctx,
    key: FromPath[str],
    value: LongText = "",
    take_back: LongText = "",
    tenant: LongText = "",
    project: LongText = "",
    cursor: Before = None,
) -> Response[str]:
    """A key; with a value in the query, a preview of setting it."""
    asked = PolicyForm(value=value, take_back=take_back, tenant=tenant, project=project)
    return await page(ctx, "admin/policy.html", await _policy(ctx, key, asked, cursor))


async def _policy(ctx: Ctx, key: str, asked: PolicyForm, cursor: int | None) -> PolicyPage:
    policy = await policies.show_policy(ctx, key)
    changes = await policies.list_changes(ctx, key, cursor, HISTORY)
    preview, problem = None, ""
    if asked.value or asked.take_back:
        preview, problem = await policies.try_value(ctx, key, asked.value, bool(asked.take_back), asked.scope)
    names = await policies.names_in(ctx, policy, changes)
    return PolicyPage.of(policy, changes, names, ctx.actor, asked=asked, preview=preview, problem=problem)


@post("/admin/policies/{key:str}", opt=PLATFORM_POLICY_MANAGE)
async def set_policy(ctx: Ctx, key: FromPath[str], data: Form[PolicyForm]) -> Response[str]:
    """Set or remove a value."""
    value = None if data.take_back else policy_values.read_value(key, data.value)
    outcome = await policies.set_policy(ctx, data.command(key, value))
    return redirect(ctx, next_page(outcome, f"/admin/policies/{key}"))


ROUTES = [list_policies, show_policy, set_policy]
