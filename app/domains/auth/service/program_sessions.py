"""Sessions of the command line: who an access token of one stands for, and how one ends.

A sign-in of the command line is a session like a browser's, listed and revoked in the same place; it has refresh tokens
where a browser has a cookie.
"""

from uuid import UUID

from app.domains.auth.errors import TokenInvalid
from app.domains.auth.events import SessionRevoked
from app.domains.auth.repository import AuthRepository, ProgramRepository
from app.domains.auth.service.sessions import SEEN_EVERY, read_bindings
from app.shared.authz import Actor, ActorKind
from app.shared.context import Context


async def actor_of_program(ctx: Context, session_id: UUID) -> Actor:
    """The person whose sign-in this is, in the project that they consented to. Raises TokenInvalid."""
    now = await ctx.now()
    row = await ProgramRepository(ctx.session).find_program(session_id, now)
    if row is None:
        raise TokenInvalid()
    people = AuthRepository(ctx.session)
    if now - row.last_seen_at > SEEN_EVERY:
        await people.touch_session(row.id, now)
    return Actor(
        kind=ActorKind.USER,
        id=row.user_id,
        tenant_id=row.tenant_id,
        project_id=row.project_id,
        bindings=await read_bindings(people, row.user_id),
        session_id=row.id,
        name=row.name,
    )


async def end_program(ctx: Context, session_id: UUID, reason: str) -> None:
    """End the sign-in with all its tokens; an ended one stays as it is."""
    row = await ProgramRepository(ctx.session).revoke_program(session_id, reason, await ctx.now())
    if row is not None:
        await ctx.emit(SessionRevoked(session_id=row.id, user_id=row.user_id, reason=reason), version=2)
