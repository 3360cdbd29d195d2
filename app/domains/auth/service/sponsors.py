"""Revokes what members granted when they lose the right to grant it: credentials and invitations permanently, service
accounts until another sponsor takes them over.

Each use checks the right by itself, so security does not depend on this job: it records, publishes and audits the end
of each grant. Grants of a suspended organisation are left alone, because it may be resumed.
"""

from typing import Literal, TypeVar
from uuid import UUID

import msgspec

from app.domains.auth.events import InvitationRevoked
from app.domains.auth.models import ServiceAccount
from app.domains.auth.repository import InvitationRepository
from app.domains.auth.repository.handed_out import AnyRow, HandedOutRepository
from app.domains.auth.service import rights
from app.domains.auth.service.invitation_lifecycle import inviters_ended
from app.shared.audit import AuditAction
from app.shared.authz import Permission
from app.shared.authz.actor import SYSTEM
from app.shared.authz.rights import MESSAGES, Claim
from app.shared.batch import one_by_one
from app.shared.context import Context, Runtime

Sponsored = TypeVar("Sponsored", AnyRow, ServiceAccount)


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """A grant whose sponsor lost the right to make it; `resume`: an account with a valid sponsor again."""

    kind: Literal["credential", "account", "resume", "invitation"]
    id: UUID
    tenant_id: UUID
    about: UUID | None = None  # the account of a credential, the project of an invitation


async def revoke_unsponsored(runtime: Runtime) -> int:
    """Revoke every grant without a valid sponsor. Returns the number of changes."""
    async with runtime.context(SYSTEM) as ctx:
        changes = [*await _credentials(ctx), *await _accounts(ctx), *await _invitations(ctx)]

    async def carry_out(change: Change) -> bool:
        async with runtime.context(SYSTEM) as ctx:
            return await _carry_out(ctx, change)

    return await one_by_one(changes, carry_out, "a grant without a sponsor could not be revoked")


async def _carry_out(ctx: Context, change: Change) -> bool:
    repository, now = HandedOutRepository(ctx.session), await ctx.now()
    if change.kind == "credential":
        ctx.explain(client_id=str(change.id))
        done = await repository.revoke_credential(change.id, now)
        action, target = AuditAction.SERVICE_ACCOUNT_CREDENTIAL_END, change.about or change.id
    elif change.kind == "invitation":
        done = await _void(ctx, change)
        action, target = AuditAction.TEAM_INVITATION_VOID, change.id
    else:
        ends = change.kind == "account"
        done = await repository.mark_account(change.id, now if ends else None)
        action = AuditAction.SERVICE_ACCOUNT_PAUSE if ends else AuditAction.SERVICE_ACCOUNT_RESUME
        target = change.id
        ctx.changed(paused=(not ends, ends))
    if done:
        ctx.about(change.tenant_id)
        ctx.explain(why="unsponsored", words=MESSAGES["unsponsored"])
        await ctx.audit(action, target)
    return done


async def _void(ctx: Context, change: Change) -> bool:
    version = await InvitationRepository(ctx.session).close(change.id, "revoked", None, await ctx.now())
    if version is None:
        return False
    event = InvitationRevoked(invitation_id=change.id, tenant_id=change.tenant_id, project_id=change.about)
    await ctx.emit(event, version=version, tenant_id=change.tenant_id, project_id=change.about)
    return True


async def _credentials(ctx: Context) -> list[Change]:
    lost = await _unsponsored(ctx, await HandedOutRepository(ctx.session).list_credentials())
    return [Change(kind="credential", id=row.id, tenant_id=row.tenant_id, about=row.account_id) for row in lost]


async def _accounts(ctx: Context) -> list[Change]:
    rows = await HandedOutRepository(ctx.session).list_accounts()
    lost = {row.id for row in await _unsponsored(ctx, rows)}
    return [
        Change(kind="account" if row.id in lost else "resume", id=row.id, tenant_id=row.tenant_id)
        for row in rows
        if (row.id in lost) != (row.unsponsored_at is not None)
    ]


async def _invitations(ctx: Context) -> list[Change]:
    pending = await HandedOutRepository(ctx.session).list_pending(await ctx.now())
    return [
        Change(kind="invitation", id=row.id, tenant_id=row.tenant_id, about=row.project_id)
        for row in await inviters_ended(ctx, pending)
    ]


async def _unsponsored(ctx: Context, rows: list[Sponsored]) -> list[Sponsored]:
    claims = {row.id: _claim(row.sponsor_id, row.tenant_id) for row in rows}
    ended = await rights.endings(ctx, claims.values())
    codes = {row.id: ended[claims[row.id]].code for row in rows if claims[row.id] in ended}
    return [row for row in rows if codes.get(row.id, "organisation_suspended") != "organisation_suspended"]


def _claim(sponsor_id: UUID, tenant_id: UUID) -> Claim:
    return Claim(principal_id=sponsor_id, permission=Permission.SERVICE_ACCOUNT_MANAGE, tenant_id=tenant_id)
