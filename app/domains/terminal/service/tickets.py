"""Tickets: a token that opens one WebSocket, once, within half a minute, from the page and the session it was made for.

Valkey holds the ticket under the token's hash; GETDEL makes using it and using it up one step.
"""

import binascii
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence
from uuid import UUID

import msgspec

from app.domains.provisioning import public as provisioning
from app.domains.terminal.contracts import PROTOCOL, OpenTerminal, Ticket, TokenMinted
from app.domains.terminal.errors import BrowserOnly, TerminalEnded, TerminalTokenInvalid
from app.domains.terminal.repository import TerminalRepository
from app.domains.terminal.rules.messages import ending
from app.shared.audit import AuditAction
from app.shared.authz import Actor, ActorKind, Permission, project_scope
from app.shared.context import Context, Runtime
from app.shared.crypto import digest, new_secret
from app.shared.use_case import use_case

TOKEN_SECONDS = 30
TOKEN_BYTES = 32
PATH = "/terminal"


def token_key(token: str) -> str:
    """Where the ticket of a token waits."""
    return f"terminal_token:{digest(token).hex()}"


@use_case(Permission.TERMINAL_OPEN, AuditAction.TERMINAL_TICKET, lambda command, _: command.allocation_id)
async def mint(ctx: Context, command: OpenTerminal) -> TokenMinted:
    """A way into a machine of the actor's project. Raises NotFound, provisioning's NotActive, BrowserOnly or
    TerminalEnded."""
    scope = project_scope(ctx.actor, Permission.TERMINAL_OPEN)
    user_id, session_id = person(ctx.actor)
    await provisioning.get_access_target(ctx, command.allocation_id)
    host = ""
    if command.terminal_id is not None:
        terminal = await TerminalRepository(ctx.session).get(scope, user_id, command.terminal_id)
        if terminal.allocation_id != command.allocation_id:
            raise TerminalTokenInvalid()
        if terminal.end_code is not None:
            raise ended(terminal.end_code)
        host = terminal.host
    ticket = Ticket(
        user_id=user_id,
        session_id=session_id,
        allocation_id=command.allocation_id,
        terminal_id=command.terminal_id,
        host=host,
        origin=ctx.settings.web.public_url,
    )
    token = new_secret()
    await ctx.runtime.valkey.set(token_key(token), msgspec.json.encode(ticket), ex=TOKEN_SECONDS)
    return TokenMinted(token=token, url=PATH)


def ended(code: str) -> TerminalEnded:
    """The refusal that says why a shell is not there any more."""
    words = ending(code)
    return TerminalEnded(words.reason, why=code, advice=words.advice, next=words.next)


async def redeem(runtime: Runtime, actor: Actor, origin: str | None, protocols: Sequence[str]) -> Ticket:
    """Use a token up. Raises TerminalTokenInvalid unless page, session and token are the ones that belong together."""
    user_id, session_id = person(actor)
    token = read_token(protocols)
    if token is None or origin != runtime.settings.web.public_url:
        raise TerminalTokenInvalid()
    stored = await runtime.valkey.getdel(token_key(token))
    if stored is None:
        raise TerminalTokenInvalid()
    ticket = msgspec.json.decode(stored, type=Ticket)
    if (ticket.user_id, ticket.session_id, ticket.origin) != (user_id, session_id, origin):
        raise TerminalTokenInvalid()
    return ticket


def read_token(protocols: Sequence[str]) -> str | None:
    """The token that follows our protocol's name; None for anything that is not canonical base64url of 32 bytes."""
    if len(protocols) != 2 or protocols[0] != PROTOCOL:
        return None
    token = protocols[1]
    try:
        raw = urlsafe_b64decode(token + "=" * (-len(token) % 4))
    except (ValueError, binascii.Error):
        return None
    canonical = urlsafe_b64encode(raw).rstrip(b"=").decode() == token
    return token if canonical and len(raw) == TOKEN_BYTES else None


def person(actor: Actor) -> tuple[UUID, UUID]:
    """User and browser session. Raises BrowserOnly for programs."""
    if actor.kind is not ActorKind.USER or not actor.via_cookie or actor.id is None or actor.session_id is None:
        raise BrowserOnly()
    return actor.id, actor.session_id
