"""Sessions of the command line: the actor of an access token, and ending a session.

They are listed and revoked like a browser's sessions, but use refresh tokens instead of a cookie.
"""

from uuid import UUID

from app.domains.auth.errors import TokenInvalid
from app.domains.auth.events import SessionRevoked
from app.domains.auth.repository import AuthRepository, ProgramRepository
from app.domains.auth.service.sessions import SEEN_EVERY, read_bindings
from app.shared.authz import Actor, ActorKind
from app.shared.context import Context


async def actor_of_program(ctx: Context, session_id: UUID) -> Actor:
    """The person who signed in, in the project that they consented to. Raises TokenInvalid."""
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
    """End the session with all its tokens; an ended session is left unchanged."""
    row = await ProgramRepository(ctx.session).revoke_program(session_id, reason, await ctx.now())
    if row is not None:
        await ctx.emit(SessionRevoked(session_id=row.id, user_id=row.user_id, reason=reason), version=2)
