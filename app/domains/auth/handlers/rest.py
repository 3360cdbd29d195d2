"""Identity for programs: who am I. How they get their tokens stands in `rest_oauth`."""

from typing import Annotated

from litestar import get
from litestar.params import HeaderParameter

from app.domains.auth.schemas import (
    MeAnswer,
)
from app.domains.auth.service import programs
from app.shared.authz import Permission
from app.web import Ctx, requires

AuthorizationHeader = Annotated[str | None, HeaderParameter(name="authorization", default=None)]


@get("/api/v1/me", opt=requires(Permission.PROFILE))
async def me(ctx: Ctx) -> MeAnswer:
    """Who this request comes from, where they stand and with which roles."""
    actor, place = ctx.actor, await programs.asked(ctx)
    return MeAnswer(
        kind=actor.kind.value,
        id=actor.id,
        tenant_id=actor.tenant_id,
        project_id=actor.project_id,
        roles=actor.role_names,
        name=actor.name,
        tenant=place.tenant_name,
        project=place.project_name,
    )


ROUTES = [me]
