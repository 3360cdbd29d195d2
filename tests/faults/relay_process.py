"""A relay, or consumers, in a process of their own, which dies or stands still at a named point. For the fault tests:

python tests/faults/relay_process.py PART DATABASE_URL VALKEY_URL NATS_URL ACTION POINT

PART relay | consumers · ACTION none | die | freeze
POINT scanned, sent, marked (relay) or handled, committed (consumers)
It acts once, at the first time that it comes by with work in its hands, and prints `ready` when it has begun.
"""

import asyncio
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from app.shared.context import Context
from app.shared.events import Envelope, Event
from app.shared.manifest import ConsumerSpec, Domain
from app.shared.outbox.row import OutboxRow
from tests.fixtures.relay import (
    CounterMoved,
    event_senders,
    probe_runtime,
    probe_settings,
    write_effect,
)
from workers import consumers
from workers.consumers import Consumers
from workers.relay import Relay

LEASE_SECONDS = 2.0


class Act:
    """Does the thing at the point, once."""

    def __init__(self, action: str, point: str) -> None:
        self.action = action
        self.point = point

    def __call__(self, point: str, rows: Sequence[OutboxRow] = ()) -> None:
        if point != self.point or self.action == "none":
            return
        action, self.action = self.action, "none"
        if action == "die":
            os.kill(os.getpid(), signal.SIGKILL)
        os.kill(os.getpid(), signal.SIGSTOP)


async def main(part: str, database: str, valkey: str, nats: str, action: str, point: str) -> None:
    act = Act(action, point)
    consumers.LEASE_SECONDS = LEASE_SECONDS

    async def handle(ctx: Context, fact: Event, envelope: Envelope) -> None:
        await write_effect(ctx, "probe.recorder", fact)
        act("handled")

    async with probe_runtime(probe_settings(database, valkey, nats)) as runtime:
        running: Relay | Consumers
        if part == "relay":
            running = Relay(database, runtime.valkey, event_senders(nats), lease_seconds=LEASE_SECONDS, hook=act)
        else:
            spec = ConsumerSpec(name="probe.recorder", events=(CounterMoved,), handle=handle)
            running = Consumers(runtime, [Domain(name="probe", consumers=[spec])], act)
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, running.stop)
        print("ready", flush=True)
        await running.run()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
