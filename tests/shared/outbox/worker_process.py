"""A whole worker, or provisioner, in a process of its own with one small domain. Run by test_processes.py."""

import asyncio
import sys
from collections.abc import Callable, Sequence
from datetime import timedelta
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[3]))

from app.shared.authz.actor import SYSTEM
from app.shared.context import Runtime
from app.shared.manifest import CronSpec, Domain, JobSpec
from app.shared.telemetry.logs import configure_logs
from tests.fixtures.probe_workflow import ProbeWorkflow, remember_in
from tests.fixtures.relay import probe_runtime, probe_settings, recorder
from workers import provisioner, saq, senders


async def note(runtime: Runtime, arguments: dict[str, object]) -> None:
    from sqlalchemy import text

    async with runtime.context(SYSTEM) as ctx:
        await ctx.session.execute(
            text("INSERT INTO public.effects (consumer, step) VALUES (:name, :step)"),
            {"name": str(arguments.get("name", "cron")), "step": int(str(arguments.get("step", 0)))},
        )


async def forever(runtime: Runtime, arguments: dict[str, object]) -> None:
    await note(runtime, {"name": "forever"})
    await asyncio.Event().wait()


def activities(runtime: Runtime) -> Sequence[Callable[..., object]]:
    return (remember_in(runtime),)


DOMAIN = Domain(
    name="probe",
    jobs=(
        JobSpec(name="probe.note", run=note, queue="billing", timeout=10, retries=1),
        JobSpec(name="probe.forever", run=forever, queue="notifications", timeout=300, retries=1),
    ),
    crons=(
        CronSpec(
            name="probe.tick",
            bound="one row",
            run=note,
            queue="maintenance",
            every=timedelta(seconds=1),
            timeout=5,
            retries=0,
        ),
    ),
    consumers=(recorder(),),
    workflows=(ProbeWorkflow,),
    activities=activities,
)


async def main(part: str, database: str, valkey: str, nats: str, temporal: str) -> None:
    configure_logs(part)
    senders.JOB_HEARTBEAT = 2
    async with probe_runtime(probe_settings(database, valkey, nats, temporal)) as runtime:
        await (saq.serve if part == "worker" else provisioner.run)(runtime, [DOMAIN])


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
