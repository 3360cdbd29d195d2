"""Tells every terminal host at once that a browser session or a machine is over. Losing it is harmless: they ask."""

from contextlib import suppress

import msgspec
from redis.exceptions import RedisError

from app.domains.auth.events import SessionRevoked
from app.domains.provisioning.events import AllocationReleaseRequested
from app.domains.terminal.rules.messages import code_of_release, code_of_session_end
from app.domains.terminal.service.host import END_CHANNEL, EndNotice
from app.shared.context import Context
from app.shared.events import Envelope, Event
from app.shared.manifest import ConsumerSpec


async def end_terminals(ctx: Context, event: Event, envelope: Envelope) -> None:
    """Publish who is over and the code of the words."""
    if isinstance(event, SessionRevoked):
        notice = EndNotice(session_id=event.session_id, code=code_of_session_end(event.reason))
    elif isinstance(event, AllocationReleaseRequested):
        notice = EndNotice(allocation_id=event.allocation_id, code=code_of_release(event.reason))
    else:
        return
    with suppress(RedisError, OSError):
        await ctx.runtime.valkey.publish(END_CHANNEL, msgspec.json.encode(notice))


CONSUMERS = (
    ConsumerSpec(
        name="terminal.end",
        events=(SessionRevoked, AllocationReleaseRequested),
        handle=end_terminals,
        ordered=False,
    ),
)
