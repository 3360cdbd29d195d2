"""The fleet for programs of operators."""

from typing import Annotated

from litestar import get
from litestar.params import QueryParameter

from app.domains.provisioning.handlers.options import PLATFORM_CONSOLE
from app.domains.provisioning.handlers.pages_admin import TypeWord
from app.domains.provisioning.rules.fleet import NodeWord
from app.domains.provisioning.schemas.fleet import FleetAnswer
from app.domains.provisioning.schemas.stuck import StuckListAnswer
from app.domains.provisioning.service import fleet
from app.domains.provisioning.service.fleet import FleetQuery
from app.web import Ctx
from app.web.query import OptionalSearch

Word = Annotated[NodeWord | None, QueryParameter(name="state", description="one of `words`")]


@get("/admin/fleet", opt=PLATFORM_CONSOLE)
async def get_fleet(
    ctx: Ctx, sku: TypeWord = None, node_word: Word = None, search: OptionalSearch = None
) -> FleetAnswer:
    """The fleet in figures, and its nodes under a filter: type, state (a word of `words`), a search."""
    return FleetAnswer.of(await fleet.fleet(ctx, FleetQuery(sku=sku, word=node_word, search=search)))


@get("/admin/stuck", opt=PLATFORM_CONSOLE)
async def list_stuck(ctx: Ctx) -> StuckListAnswer:
    """What has been in a state for longer than allowed, with the automatic action and the last request to the workflow
    engine."""
    return StuckListAnswer.of(await fleet.stuck(ctx))


ROUTES = [get_fleet, list_stuck]
