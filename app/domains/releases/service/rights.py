"""Own keys and certificates end with the right to log in, whatever ended it: a role, a person, an organisation, a
sign-in, a program.

Events ask at once about those whom they concern; the watch asks about everybody every few seconds, so a lost event
loses nothing. What ended stays ended: a person who may log in again attaches their keys again.
"""

from uuid import UUID

import msgspec

from app.domains.auth import public as auth
from app.domains.releases.contracts import Concerned
from app.domains.releases.repository import AttachmentRepository, CertificateRepository
from app.domains.releases.service.changes import certificates_ended, keys_changed
from app.shared.audit import AuditAction
from app.shared.authz.rights import Claim, Ended
from app.shared.context import Context

EVERYBODY = Concerned()


async def withdraw(ctx: Context, concerned: Concerned) -> int:
    """Ask anew for every key that opens a machine and every certificate that made connections; end what is not allowed
    any more. Returns how many claims ended."""
    lost = await find_lost(ctx, concerned)
    for found in lost:
        await end_claim(ctx, found)
    return len(lost)


class Lost(msgspec.Struct, frozen=True):
    """A right that has ended, and what still hangs on it."""

    claim: Claim
    ended: Ended
    keys: bool
    entries: bool


async def find_lost(ctx: Context, concerned: Concerned = EVERYBODY) -> list[Lost]:
    """The rights that keys and certificates hang on and that have ended."""
    keys = set() if concerned.session_id else await AttachmentRepository(ctx.session).list_held(concerned)
    entries = await CertificateRepository(ctx.session).list_held(concerned)
    lost = await auth.rights_ended(ctx, keys | entries)
    return [Lost(claim, ended, claim in keys, claim in entries) for claim, ended in lost.items()]


async def end_claim(ctx: Context, lost: Lost) -> bool:
    """End what hangs on one right; whether there was anything. Safe to repeat."""
    allocations = await _end_entries(ctx, lost.claim, lost.ended) if lost.entries else set()
    detached = await _detach(ctx, lost.claim) if lost.keys else set()
    if allocations or detached:
        await _audit(ctx, lost.claim, lost.ended, allocations | detached)
    return bool(allocations or detached)


async def _detach(ctx: Context, claim: Claim) -> set[UUID]:
    if claim.project_id is None:
        return set()
    rows = await AttachmentRepository(ctx.session).detach_person(
        claim.principal_id, claim.tenant_id, [claim.project_id], await ctx.now()
    )
    workspaces = {(row.allocation_id, row.tenant_id, row.project_id) for row in rows}
    for workspace in workspaces:
        await keys_changed(ctx, *workspace)
    return {allocation_id for allocation_id, _, _ in workspaces}


async def _end_entries(ctx: Context, claim: Claim, ended: Ended) -> set[UUID]:
    allocations = await CertificateRepository(ctx.session).end_claim(claim, ended.code, await ctx.now())
    for allocation_id in allocations:
        await certificates_ended(ctx, claim.principal_id, allocation_id, claim.tenant_id, claim.project_id)
    return allocations


async def _audit(ctx: Context, claim: Claim, ended: Ended, allocations: set[UUID]) -> None:
    ctx.about(claim.tenant_id)
    ctx.explain(why=ended.code, words=ended.message, machines=sorted(str(one) for one in allocations))
    await ctx.audit(AuditAction.SSH_ACCESS_END, claim.principal_id)
