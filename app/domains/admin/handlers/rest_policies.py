"""API of policies."""

from typing import Annotated

from litestar import Response, get, put
from litestar.params import FromPath, QueryParameter

from app.domains.admin.handlers.options import PLATFORM_POLICY_MANAGE, PLATFORM_POLICY_READ
from app.domains.admin.schemas.policies import PoliciesAnswer, PolicyBody
from app.domains.admin.service import policies
from app.domains.admin.service.policies import PolicyChanged
from app.domains.admin.service.policy_values import ChangeList, PolicyView
from app.shared.versions import etag
from app.web import Ctx, Json
from app.web.approvals import ASKED, outcome_answer
from app.web.etag import IfMatch, tagged
from app.web.paging import CursorText, Limit

Before = Annotated[int | None, QueryParameter(name="cursor", ge=1, description="`next_cursor` of the page before")]


@get("/admin/policies", opt=PLATFORM_POLICY_READ)
async def list_policies(ctx: Ctx, cursor: CursorText = None, limit: Limit = 50) -> PoliciesAnswer:
    """List the keys by name, each with its default, its bounds and the values that are set."""
    result = await policies.page_policies(ctx, cursor, limit)
    return PoliciesAnswer(items=result.items, next_cursor=result.next_cursor)


@get("/admin/policies/{key:str}", opt=PLATFORM_POLICY_READ)
async def get_policy(ctx: Ctx, key: FromPath[str]) -> Response[PolicyView]:
    """Get a key; the ETag is its version."""
    result = await policies.show_policy(ctx, key)
    return tagged(result, result.version)


@put("/admin/policies/{key:str}", opt=PLATFORM_POLICY_MANAGE, responses=ASKED)
async def set_policy(
    ctx: Ctx, key: FromPath[str], data: Json[PolicyBody], if_match: IfMatch = None
) -> Response[PolicyChanged]:
    """Set the value at a scope; null removes it. A change that weakens a guard needs a second person (202)."""
    outcome = await policies.set_policy(ctx, data.command(key, if_match))
    return outcome_answer(outcome, headers={"etag": etag(outcome.done.version)} if outcome.done else None)


@get("/admin/policies/{key:str}/changes", opt=PLATFORM_POLICY_READ)
async def list_changes(ctx: Ctx, key: FromPath[str], cursor: Before = None, limit: Limit = 50) -> ChangeList:
    """List the changes of a key, newest first."""
    return await policies.list_changes(ctx, key, cursor, limit)


ROUTES = [list_policies, get_policy, set_policy, list_changes]
