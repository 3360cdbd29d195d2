"""What apps do when others tell something."""

from contextlib import suppress

import msgspec
from redis.exceptions import RedisError

from app.domains.appruntime.events import AppMemberChanged, AppReleased, AppStateChanged
from app.domains.appruntime.service.admission import END_CHANNEL, EndNotice
from app.domains.appruntime.service.health import leave_machine
from app.domains.auth.events import SessionRevoked
from app.domains.provisioning.events import AllocationReleased, AllocationReleaseRequested
from app.shared.context import Context
from app.shared.events import Envelope, Event
from app.shared.manifest import ConsumerSpec


async def on_machine_released(ctx: Context, event: Event, envelope: Envelope) -> None:
    """The machine is given back: so are its apps."""
    if isinstance(event, AllocationReleaseRequested | AllocationReleased):
        await leave_machine(ctx, event.allocation_id)


async def on_right_changed(ctx: Context, event: Event, envelope: Envelope) -> None:
    """Tell every web process to ask again who may stay connected. Losing it is harmless: they ask by themselves too."""
    if isinstance(event, SessionRevoked):
        notice = EndNotice(session_id=event.session_id)
    elif isinstance(event, AppMemberChanged | AppReleased | AppStateChanged):
        notice = EndNotice(app_id=event.app_id)
    else:
        return
    with suppress(RedisError, OSError):
        await ctx.runtime.valkey.publish(END_CHANNEL, msgspec.json.encode(notice))


CONSUMERS = (
    ConsumerSpec(
        name="appruntime-machine-leaving",
        events=(AllocationReleaseRequested, AllocationReleased),
        handle=on_machine_released,
        ordered=False,
    ),
    ConsumerSpec(
        name="appruntime-right-changed",
        events=(SessionRevoked, AppMemberChanged, AppReleased, AppStateChanged),
        handle=on_right_changed,
        ordered=False,
    ),
)
