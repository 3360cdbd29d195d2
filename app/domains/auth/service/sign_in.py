"""Signing in: opens a session for a person from an identity provider.

The first sign-in creates the person, their organisation and its first project in one transaction. An invited person
gets no organisation; they choose at `/invitations`. Each sign-in makes a new session id and ends the browser's previous
session. Nobody joins an organisation by having a similar address.
"""

from datetime import timedelta
from uuid import UUID

import msgspec

from app.domains.auth import rules
from app.domains.auth.events import SessionRevoked, SessionStarted
from app.domains.auth.policies import SESSION_HOURS
from app.domains.auth.repository import AuthRepository, InvitationRepository
from app.domains.auth.repository.team import AnyRow
from app.domains.auth.rules.claims import Identity
from app.domains.auth.rules.values import Visit
from app.domains.auth.service import identities, organisations
from app.domains.auth.service.sessions import read_bindings
from app.shared.audit import AuditAction
from app.shared.authz import Actor, ActorKind, Role
from app.shared.context import Context
from app.shared.crypto import digest, new_secret
from app.shared.ids import new_id


class SignIn(msgspec.Struct, frozen=True, kw_only=True):
    identity: Identity
    visit: Visit
    method: str  # oidc | internal
    previous_token: str | None = None  # ended by the sign-in, so that an id is never reused


class SignedIn(msgspec.Struct, frozen=True, kw_only=True):
    """`token` goes into the cookie and nowhere else."""

    token: str
    session_id: UUID
    first_time: bool
    is_operator: bool


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
    workspace = await repository.find_default_workspace(user_id)
    token, session_id = new_secret(), new_id()
    await repository.append_session(
        session_id,
        digest(token),
        user_id,
        (workspace.tenant_id, workspace.project_id) if workspace else (None, None),
        command.method,
        command.visit,
        now,
        now + timedelta(hours=await ctx.policy(SESSION_HOURS)),
    )
    await ctx.emit(SessionStarted(session_id=session_id, user_id=user_id), version=1)
    person = await _person(repository, user_id, session_id, workspace)
    await ctx.audit(AuditAction.SESSION_SIGN_IN, session_id, {"method": command.method}, by=person)
    if command.previous_token:
        await _end_previous(ctx, repository, command.previous_token)
    return SignedIn(token=token, session_id=session_id, first_time=is_new, is_operator=operator)


async def _person(repository: AuthRepository, user_id: UUID, session_id: UUID, workspace: AnyRow | None) -> Actor:
    """The actor of the new session, for the audit log."""
    return Actor(
        kind=ActorKind.USER,
        id=user_id,
        tenant_id=workspace.tenant_id if workspace else None,
        project_id=workspace.project_id if workspace else None,
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
    await organisations.add_organisation(ctx, user_id, rules.organisation_name(name))


async def _end_previous(ctx: Context, repository: AuthRepository, token: str) -> None:
    ended = await repository.revoke_by_token(digest(token), "signed in again", await ctx.now())
    if ended is not None:
        event = SessionRevoked(session_id=ended.id, user_id=ended.user_id, reason="signed in again")
        await ctx.emit(event, version=2)
