"""Sign-in of the command line: authorization code with PKCE S256 and a loopback redirect (RFC 8252, 7636), then refresh
token rotation (RFC 9700 §4.14).

A code or a refresh token that is used twice may have been stolen, so its sign-in ends (RFC 6749 §4.1.2). One exception:
for 15 seconds a used refresh token is answered with the same successor, as long as the successor is unused, because
the first response may have been lost. Refused: any client but our own command line, any redirect to another computer,
and any challenge method but S256.
"""

from datetime import datetime, timedelta
from urllib.parse import urlencode
from uuid import UUID

import msgspec
from sqlalchemy import Row

from app.domains.auth import rules
from app.domains.auth.errors import AuthorizationRefused
from app.domains.auth.events import SessionStarted
from app.domains.auth.policies import PROGRAM_DAYS, PROGRAM_TOKEN_SECONDS
from app.domains.auth.repository import AuthRepository, ProgramRepository
from app.domains.auth.rules.values import Grant, Visit
from app.domains.auth.service.program_sessions import actor_of_program, end_program
from app.domains.auth.service.sessions import SIGNED_OUT
from app.domains.auth.service.tokens import signed_token
from app.shared.audit import AuditAction
from app.shared.authz import ActorKind, Permission
from app.shared.authz.actor import SYSTEM
from app.shared.context import Context
from app.shared.crypto import derived_secret, digest, new_secret, same
from app.shared.errors import Forbidden
from app.shared.ids import new_id
from app.shared.use_case import use_case

CODE_SECONDS = 60
CODES, REFRESH = "auth.authorization_codes", "auth.refresh_tokens"  # what secrets are derived for
REPEAT_SECONDS = 15  # in which a lost answer to a refresh is asked for again


class GrantAccess(msgspec.Struct, frozen=True, kw_only=True):
    """What the person allowed on the consent page."""

    client_id: str
    redirect_uri: str
    code_challenge: str
    code_challenge_method: str


class Granted(msgspec.Struct, frozen=True, kw_only=True):
    """The stored result. The code is derived from it, so a repeated request gets the same code until it expires."""

    grant_id: UUID
    redirect_uri: str
    expires_at: datetime


class RedeemCode(msgspec.Struct, frozen=True, kw_only=True):
    """RFC 6749 §4.1.3 with RFC 7636 §4.5."""

    client_id: str
    code: str
    redirect_uri: str
    code_verifier: str
    visit: Visit


class RefreshAccess(msgspec.Struct, frozen=True, kw_only=True):
    """RFC 6749 §6."""

    client_id: str
    refresh_token: str


class ProgramTokens(msgspec.Struct, frozen=True, kw_only=True):
    """RFC 6749 §5.1. `refresh_token` replaces the previous one, which is no longer valid."""

    access_token: str
    refresh_token: str
    expires_in: int


def check_request(command: GrantAccess) -> None:
    """Raises AuthorizationRefused, which is shown on our own page and never sent to the redirect address."""
    if command.client_id != rules.COMMAND_LINE:
        raise AuthorizationRefused("This program cannot request a sign-in.")
    if not rules.is_loopback_redirect(command.redirect_uri):
        raise AuthorizationRefused("The response may only go to a program on your own computer.")
    if command.code_challenge_method != "S256" or not rules.is_challenge(command.code_challenge):
        raise AuthorizationRefused("The program sent no valid PKCE challenge (S256).")


@use_case(Permission.PROFILE, AuditAction.SESSION_GRANT_COMMAND_LINE)
async def grant(ctx: Context, command: GrantAccess) -> Granted:
    """Grant the command line an authorization code, valid for one minute. Raises AuthorizationRefused, Forbidden."""
    check_request(command)
    actor = ctx.actor
    if actor.kind is not ActorKind.USER or actor.id is None or not actor.via_cookie:
        raise Forbidden("Only a person in a browser can allow a program.")
    grant_id, now = new_id(), await ctx.now()
    wanted = Grant(
        tenant_id=actor.tenant_id,
        project_id=actor.project_id,
        redirect_uri=command.redirect_uri,
        code_challenge=command.code_challenge,
    )
    until = now + timedelta(seconds=CODE_SECONDS)
    granted = Granted(grant_id=grant_id, redirect_uri=command.redirect_uri, expires_at=until)
    code = derived_secret(ctx.settings.web.secret_key, CODES, str(grant_id))
    await ProgramRepository(ctx.session).append_code(digest(code), actor.id, wanted, now, until)
    return granted


async def code_of(ctx: Context, granted: Granted) -> str:
    """The code of a grant. Raises AuthorizationRefused after it has expired."""
    if granted.expires_at <= await ctx.now():
        raise AuthorizationRefused("This page was already used. Run berth login again.")
    return derived_secret(ctx.settings.web.secret_key, CODES, str(granted.grant_id))


def answer_address(redirect_uri: str, issuer: str, state: str, **fields: str) -> str:
    """The redirect address with the response parameters; `iss` identifies the issuer (RFC 9207)."""
    return f"{redirect_uri}?{urlencode({**fields, 'state': state, 'iss': issuer})}"


async def redeem(ctx: Context, command: RedeemCode) -> ProgramTokens | None:
    """Exchange a code for tokens; None when it is refused. The caller commits in either case: the code is used up, and
    a second use ends the session of the first."""
    repository, now = ProgramRepository(ctx.session), await ctx.now()
    code_hash = digest(command.code)
    row = await repository.use_code(code_hash, now)
    if row is None:
        ended = await repository.find_session_of_code(code_hash)
        if ended is not None:
            await _end_stolen(ctx, ended, "its code was used twice")
        return None
    proven = same(rules.challenge_of(command.code_verifier).encode(), row.code_challenge.encode())
    if (
        command.client_id != rules.COMMAND_LINE
        or row.expires_at <= now
        or row.redirect_uri != command.redirect_uri
        or not proven
    ):
        return None
    session_id = new_id()
    days = await ctx.policy(PROGRAM_DAYS, row.tenant_id, row.project_id)
    await AuthRepository(ctx.session).append_session(
        session_id,
        digest(new_secret()),  # no cookie belongs to it
        row.user_id,
        (row.tenant_id, row.project_id),
        "cli",
        command.visit,
        now,
        now + timedelta(days=days),
    )
    await repository.remember_session(code_hash, session_id)
    await ctx.emit(SessionStarted(session_id=session_id, user_id=row.user_id), version=1)
    refresh_token = new_secret()
    await repository.append_refresh(digest(refresh_token), session_id, now)
    live = await repository.find_program(session_id, now)
    if live is None:
        return None
    await _audit(ctx, AuditAction.SESSION_SIGN_IN, session_id, method="cli")
    return await _tokens(ctx, live, refresh_token)


async def refresh(ctx: Context, command: RefreshAccess) -> ProgramTokens | None:
    """Exchange a refresh token for the next tokens; None when it is refused. The caller commits in either case: reuse
    ends the sign-in, unless the first response may have been lost."""
    repository, now = ProgramRepository(ctx.session), await ctx.now()
    row = await repository.lock_refresh(digest(command.refresh_token))
    if row is None or command.client_id != rules.COMMAND_LINE:
        return None
    following = derived_secret(ctx.settings.web.secret_key, REFRESH, f"{row.session_id}:{command.refresh_token}")
    if row.used_at is not None and not await _is_repeat(ctx, row.used_at, following):
        await _end_stolen(ctx, row.session_id, "a refresh token was used twice")
        return None
    live = await repository.find_program(row.session_id, now)
    if live is None:
        return None
    if row.used_at is None:
        await repository.use_refresh(row.token_hash, now)
        await repository.append_refresh(digest(following), row.session_id, now)
    await _audit(ctx, AuditAction.TOKEN_ISSUE, live.id, repeated=row.used_at is not None)
    return await _tokens(ctx, live, following)


async def _is_repeat(ctx: Context, used_at: datetime, following: str) -> bool:
    """Whether the first response may have been lost: it is seconds old and its refresh token is unused."""
    if await ctx.now() - used_at > timedelta(seconds=REPEAT_SECONDS):
        return False
    given = await ProgramRepository(ctx.session).lock_refresh(digest(following))
    return given is not None and given.used_at is None


async def revoke(ctx: Context, refresh_token: str) -> None:
    """Sign the command line out (RFC 7009). An unknown token gets the same response."""
    row = await ProgramRepository(ctx.session).lock_refresh(digest(refresh_token))
    if row is not None:
        if await ProgramRepository(ctx.session).find_program(row.session_id, await ctx.now()) is not None:
            await _audit(ctx, AuditAction.SESSION_SIGN_OUT, row.session_id)
        await end_program(ctx, row.session_id, SIGNED_OUT)


async def _audit(ctx: Context, action: AuditAction, session_id: UUID, **details: object) -> None:
    """Audit as the person whose sign-in it is; the request itself is anonymous."""
    person = await actor_of_program(ctx, session_id)
    await ctx.audit(action, session_id, dict(details), kind="session", by=person)


async def _end_stolen(ctx: Context, session_id: UUID, reason: str) -> None:
    await ctx.audit(AuditAction.SESSION_REVOKE, session_id, {"reason": reason}, by=SYSTEM)
    await end_program(ctx, session_id, reason)


async def _tokens(ctx: Context, live: Row[tuple[object, ...]], refresh_token: str) -> ProgramTokens:
    seconds = await ctx.policy(PROGRAM_TOKEN_SECONDS, live.tenant_id, live.project_id)
    claims = {"sub": str(live.user_id), "jti": str(new_id()), "sid": str(live.id), "client_id": rules.COMMAND_LINE}
    access = await signed_token(ctx, claims, seconds)
    return ProgramTokens(access_token=access, refresh_token=refresh_token, expires_in=seconds)


class WorkspaceNames(msgspec.Struct, frozen=True, kw_only=True):
    """Names of the actor's organisation and project; empty when there is none."""

    tenant_name: str
    project_name: str


async def workspace_names(ctx: Context) -> WorkspaceNames:
    """The names of the actor's organisation and project, for the consent page and `/me`."""
    people, actor = AuthRepository(ctx.session), ctx.actor
    tenants = await people.list_tenants([actor.tenant_id]) if actor.tenant_id else []
    projects = await people.list_projects([actor.project_id]) if actor.project_id else []
    return WorkspaceNames(
        tenant_name=tenants[0].name if tenants else "",
        project_name=projects[0].name if projects else "",
    )
