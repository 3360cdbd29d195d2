"""What the shared schema needs done now and then, as a manifest like any domain's."""

from datetime import timedelta

from app.context import Runtime
from app.shared.authz.actor import SYSTEM
from app.shared.manifest import CronSpec, Domain
from app.shared.outbox.retention import BATCH, prune_inbox, prune_keys, prune_outbox


async def prune(runtime: Runtime, arguments: dict[str, object]) -> None:
    """Delete old outbox rows, inbox rows and idempotency keys, a batch per transaction, until none is left."""
    for step in (prune_outbox, prune_inbox, prune_keys):
        gone = BATCH
        while gone >= BATCH:
            async with runtime.context(SYSTEM) as ctx:
                gone = await step(ctx.session)


HOUSEKEEPING = Domain(
    name="shared",
    crons=(
        CronSpec(
            name="shared.prune",
            run=prune,
            queue="maintenance",
            every=timedelta(minutes=10),
            timeout=540,
            retries=0,
        ),
    ),
)
