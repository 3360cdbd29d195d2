"""The terminal's page, and the token with which its script opens a shell."""

from uuid import UUID

from litestar import Response, get, post
from litestar.params import FromPath

from app.domains.terminal.contracts import OpenTerminal, TokenMinted
from app.domains.terminal.handlers.options import TERMINAL_OPEN_PAGE, TERMINAL_OPEN_TICKET
from app.domains.terminal.schemas import TerminalPage, TokenBody
from app.domains.terminal.service import tickets, view
from app.web import Ctx, Json, page


@get(
    "/machines/{allocation_id:uuid}/terminal",
    opt=TERMINAL_OPEN_PAGE,
    name="terminal:page",
)
async def terminal_page(ctx: Ctx, allocation_id: FromPath[UUID]) -> Response[str]:
    """Full window, one tab per shell."""
    struct = TerminalPage.of(await view.terminal_page(ctx, allocation_id))
    return await page(ctx, "terminal/index.html", struct)


@post(
    "/machines/{allocation_id:uuid}/terminal/token",
    opt=TERMINAL_OPEN_TICKET,
    name="terminal:token",
    status_code=201,
)
async def mint_token(ctx: Ctx, allocation_id: FromPath[UUID], data: Json[TokenBody]) -> Response[TokenMinted]:
    """A token for one WebSocket; no cache keeps it."""
    command = OpenTerminal(allocation_id=allocation_id, terminal_id=data.terminal_id)
    return Response(await tickets.mint(ctx, command), status_code=201, headers={"cache-control": "no-store"})


ROUTES = [terminal_page, mint_token]
