"""What goes wrong on purpose: an activity that fails, that meets a cancellation, or whose process dies in its middle.

As a program (`python -m tests.domains.provisioning.crash`) it is a provisioner that dies like by SIGKILL the first time
the activity named by CRASH_AT has had its effect and not yet said so.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable

from temporalio.exceptions import ApplicationError
from temporalio.worker import ActivityInboundInterceptor, ExecuteActivityInput, Interceptor

Act = Callable[[], Awaitable[None]]


class Interference(Interceptor):
    """Does `before` and `after` around the first run of one activity."""

    def __init__(self, name: str, before: Act | None = None, after: Act | None = None) -> None:
        self.name = "provisioning." + name
        self.before, self.after = before, after
        self.met = asyncio.Event()

    def intercept_activity(self, next: ActivityInboundInterceptor) -> ActivityInboundInterceptor:  # noqa: A002
        outer = self

        class Inbound(ActivityInboundInterceptor):
            async def execute_activity(self, input: ExecuteActivityInput) -> object:  # noqa: A002
                from temporalio import activity

                if activity.info().activity_type != outer.name or outer.met.is_set():
                    return await super().execute_activity(input)
                outer.met.set()
                if outer.before is not None:
                    await outer.before()
                result = await super().execute_activity(input)
                if outer.after is not None:
                    await outer.after()
                return result

        return Inbound(next)


async def fail_for_good() -> None:
    raise ApplicationError("It broke on purpose.", type="broken", non_retryable=True)


async def fail_once() -> None:
    raise ApplicationError("It broke on purpose, once.", type="broken")


async def die() -> None:
    os._exit(137)


async def _serve() -> None:
    from temporalio.client import Client
    from temporalio.worker import Worker

    from app.domains.provisioning.activities import activities
    from app.domains.provisioning.workflows import ProvisionAllocation, ReleaseAllocation
    from app.settings import load_settings
    from workers.runtime import build_runtime

    runtime = build_runtime(load_settings(os.environ))
    temporal = runtime.settings.temporal
    async with Worker(
        await Client.connect(temporal.address),
        task_queue=temporal.task_queue,
        workflows=[ProvisionAllocation, ReleaseAllocation],
        activities=activities(runtime),
        interceptors=[Interference(os.environ["CRASH_AT"], after=die)],
    ):
        await asyncio.sleep(120)  # outlasts the test, which ends this process


if __name__ == "__main__":
    asyncio.run(_serve())
