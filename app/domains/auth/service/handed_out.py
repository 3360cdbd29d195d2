"""What a member handed out ends with the right to hand it out: credentials for ever, invitations for ever, service
accounts until somebody takes them over.

Each use asks by itself, so nothing waits for this; here it is written down, told and audited. A suspended organisation
opens again one day: what is asked at each use waits until then.
"""

from uuid import UUID

from app.context import Context
from app.domains.auth.events import InvitationRevoked
from app.domains.auth.repository import InvitationRepository
from app.domains.auth.repository.handed_out import AnyRow, HandedOutRepository
from app.domains.auth.service import rights
from app.domains.auth.service.invitations import inviters_ended
from app.shared.authz import Permission
from app.shared.authz.rights import WORDS, Claim


async def withdraw(ctx: Context) -> int:
    """End what nobody answers for any more. Returns how much."""
    return await _credentials(ctx) + await _accounts(ctx) + await _invitations(ctx)


async def _credentials(ctx: Context) -> int:
    repository, now = HandedOutRepository(ctx.session), await ctx.now()
    lost = await _unsponsored(ctx, await repository.lock_credentials())
    for row in lost:
        await repository.revoke_credential(row.id, now)
        ctx.explain(client_id=str(row.id))
        await _audit(ctx, "service_account.credential_end", "service_account", row.account_id, row.tenant_id)
    return len(lost)


async def _accounts(ctx: Context) -> int:
    repository, now = HandedOutRepository(ctx.session), await ctx.now()
    rows = await repository.lock_accounts()
    lost = {row.id for row in await _unsponsored(ctx, rows)}
    changed = [row for row in rows if (row.id in lost) != (row.unsponsored_at is not None)]
    for row in changed:
        ends = row.id in lost
        await repository.mark_account(row.id, now if ends else None)
        action = "service_account.pause" if ends else "service_account.resume"
        await _audit(ctx, action, "service_account", row.id, row.tenant_id)
    return len(changed)


async def _invitations(ctx: Context) -> int:
    repository = HandedOutRepository(ctx.session)
    pending = await repository.lock_pending(await ctx.now())
    kept = {row.id for row in await _open(ctx, pending)}
    lost = [row for row in await inviters_ended(ctx, pending) if row.id in kept]
    for row in lost:
        version = await InvitationRepository(ctx.session).close(row.id, "revoked", None, await ctx.now())
        fact = InvitationRevoked(invitation_id=row.id, tenant_id=row.tenant_id, project_id=row.project_id)
        await ctx.emit(fact, version=version or 1, tenant_id=row.tenant_id, project_id=row.project_id)
        await _audit(ctx, "team.invitation_void", "invitation", row.id, row.tenant_id)
    return len(lost)


async def _unsponsored(ctx: Context, rows: list[AnyRow]) -> list[AnyRow]:
    claims = {row.id: _claim(row.sponsor_id, row.tenant_id) for row in rows}
    ended = await rights.endings(ctx, claims.values())
    codes = {row.id: ended[claims[row.id]].code for row in rows if claims[row.id] in ended}
    return [row for row in rows if codes.get(row.id, "organisation_suspended") != "organisation_suspended"]


async def _open(ctx: Context, rows: list[AnyRow]) -> list[AnyRow]:
    """Those of organisations that are not suspended."""
    claims = {row.id: _claim(row.invited_by, row.tenant_id) for row in rows}
    ended = await rights.endings(ctx, claims.values())
    return [
        row for row in rows if claims[row.id] not in ended or ended[claims[row.id]].code != "organisation_suspended"
    ]


def _claim(sponsor_id: UUID, tenant_id: UUID) -> Claim:
    return Claim(principal_id=sponsor_id, permission=Permission.SERVICE_ACCOUNT_MANAGE, tenant_id=tenant_id)


async def _audit(ctx: Context, action: str, kind: str, target: UUID, tenant_id: UUID) -> None:
    ctx.about(tenant_id)
    ctx.explain(why="unsponsored", words=WORDS["unsponsored"])
    await ctx.audit(action, kind, str(target))
