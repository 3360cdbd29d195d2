"""Publishes changes of keys and certificates on a machine, and enqueues their delivery."""

from datetime import datetime
from uuid import UUID

from app.domains.releases.contracts import DeliverKeys, EndCertificates
from app.domains.releases.events import AccessChanged, EntryEnded
from app.shared.context import Context

# Names of jobs stay: a row that the release before has left is carried out under them, and no younger one overtakes it.
KEYS_JOB, CERTIFICATES_JOB = "provisioning.sync_access", "provisioning.end_entries"


async def keys_changed(ctx: Context, allocation_id: UUID, tenant_id: UUID, project_id: UUID) -> None:
    """Other keys than before are to open this allocation's machine."""
    changed = AccessChanged(allocation_id=allocation_id)
    await ctx.emit(changed, version=1, tenant_id=tenant_id, project_id=project_id)
    await ask_keys(ctx, allocation_id)


async def certificates_ended(
    ctx: Context, user_id: UUID, allocation_id: UUID, tenant_id: UUID | None, project_id: UUID | None
) -> None:
    """Certificates of that person or program for this allocation's machine are over."""
    ended = EntryEnded(allocation_id=allocation_id, user_id=user_id)
    await ctx.emit(ended, version=1, tenant_id=tenant_id, project_id=project_id)
    await ask_certificates(ctx, EndCertificates(allocation_id=allocation_id))


async def ask_keys(ctx: Context, allocation_id: UUID, due_at: datetime | None = None) -> None:
    """Ask for the whole list to be brought there."""
    await ctx.enqueue(KEYS_JOB, DeliverKeys(allocation_id=allocation_id), aggregate_id=allocation_id, due_at=due_at)


async def ask_certificates(ctx: Context, command: EndCertificates, due_at: datetime | None = None) -> None:
    """Ask for the machine to refuse what has ended."""
    await ctx.enqueue(CERTIFICATES_JOB, command, aggregate_id=command.allocation_id, due_at=due_at)
