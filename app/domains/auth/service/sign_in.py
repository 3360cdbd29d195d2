"""Signing in: a person from an identity provider becomes a user with an organisation, a project and a session.

The first sign-in makes all of it in one transaction; who is invited somewhere gets no organisation of their own, but
the choice (`/invitations`). A session's id is always new; the one that the browser held before is ended. Nobody joins
another's organisation by having a similar address.
"""

from datetime import timedelta
from uuid import UUID

from app.domains.auth import rules
from app.domains.auth.contracts import SignedIn, SignIn
from app.domains.auth.events import SessionRevoked, SessionStarted
from app.domains.auth.policies import SESSION_HOURS
from app.domains.auth.repository import AuthRepository, InvitationRepository
from app.domains.auth.repository.team import AnyRow
from app.domains.auth.service import identities, places
from app.domains.auth.service.sessions import read_bindings
from app.shared.audit import AuditAction
from app.shared.authz import Actor, ActorKind, Role
from app.shared.context import Context
from app.shared.crypto import digest, new_secret
from app.shared.ids import new_id


async def sign_in(ctx: Context, command: SignIn) -> SignedIn:
    """Open a session for the person. Raises AccountSuspended, AddressElsewhere."""
    repository = AuthRepository(ctx.session)
    now = await ctx.now()
    name = rules.display_name(command.identity.name, command.identity.email)
    user_id, is_new = await identities.recognise(ctx, command.identity, name)
    operator = command.identity.email_verified and command.identity.email.lower() in ctx.settings.platform_admins
    if operator:
        await repository.append_membership(new_id(), Role.PLATFORM_ADMIN, now, user_id=user_id)
    else:
        await repository.remove_platform_admin(user_id)
    if is_new:
        await _settle(ctx, repository, user_id, name, command.identity.email, with_tenant=not operator)
    place = await repository.find_default_place(user_id)
    token, session_id = new_secret(), new_id()
    await repository.append_session(
        session_id,
        digest(token),
        user_id,
        (place.tenant_id, place.project_id) if place else (None, None),
        command.method,
        command.visit,
        now,
        now + timedelta(hours=await ctx.policy(SESSION_HOURS)),
    )
    await ctx.emit(SessionStarted(session_id=session_id, user_id=user_id), version=1)
    person = await _person(repository, user_id, session_id, place)
    await ctx.audit(AuditAction.SESSION_SIGN_IN, session_id, {"method": command.method}, by=person)
    if command.previous_token:
        await _end_previous(ctx, repository, command.previous_token)
    return SignedIn(token=token, session_id=session_id, first_time=is_new, is_operator=operator)


async def _person(repository: AuthRepository, user_id: UUID, session_id: UUID, place: AnyRow | None) -> Actor:
    """Who has just signed in, for the row of it."""
    return Actor(
        kind=ActorKind.USER,
        id=user_id,
        tenant_id=place.tenant_id if place else None,
        project_id=place.project_id if place else None,
        bindings=await read_bindings(repository, user_id),
        session_id=session_id,
    )


async def _settle(
    ctx: Context, repository: AuthRepository, user_id: UUID, name: str, email: str, *, with_tenant: bool
) -> None:
    for login in rules.login_candidates(name, email):
        if await repository.claim_login(user_id, login):
            break
    if not with_tenant or await InvitationRepository(ctx.session).count_received(user_id, await ctx.now()):
        return
    await places.found(ctx, user_id, rules.organisation_name(name))


async def _end_previous(ctx: Context, repository: AuthRepository, token: str) -> None:
    ended = await repository.revoke_by_token(digest(token), "signed in again", await ctx.now())
    if ended is not None:
        fact = SessionRevoked(session_id=ended.id, user_id=ended.user_id, reason="signed in again")
        await ctx.emit(fact, version=2)
