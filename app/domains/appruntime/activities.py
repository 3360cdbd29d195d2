"""The activities of an app's workflow. Each opens its own Contexts, may be repeated at any time, and says which kind of
failure it met."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager

from temporalio import activity
from temporalio.exceptions import ApplicationError

from app.domains.appruntime.contracts import APP_FAILED, UNWANTED, Drive
from app.domains.appruntime.errors import AppFailed, NoLongerWanted
from app.domains.appruntime.service.drive import Driver
from app.shared.context import Runtime
from app.shared.errors import DomainError

NAME = "appruntime."
HEARTBEAT_SECONDS = 1.0


@asynccontextmanager
async def status() -> AsyncIterator[None]:
    """Beat the heart, and give every failure its name; what is not known here is worth another try."""

    async def heartbeat() -> None:
        while True:
            activity.heartbeat()
            await asyncio.sleep(HEARTBEAT_SECONDS)

    task = asyncio.create_task(heartbeat())
    try:
        yield
    except AppFailed as error:
        raise ApplicationError(str(error), type=APP_FAILED, non_retryable=True) from error
    except NoLongerWanted as error:
        raise ApplicationError("nobody wants it any more", type=UNWANTED, non_retryable=True) from error
    except DomainError as error:
        raise ApplicationError(error.message, type=error.code, non_retryable=not error.retryable) from error
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


class Activities:
    """Bound to one process's runtime."""

    def __init__(self, runtime: Runtime) -> None:
        self._driver = Driver(runtime)

    @activity.defn(name=NAME + "prepare")
    async def prepare(self, drive: Drive) -> None:
        async with status():
            await self._driver.prepare(drive)

    @activity.defn(name=NAME + "start")
    async def start(self, drive: Drive) -> None:
        async with status():
            await self._driver.start(drive)

    @activity.defn(name=NAME + "follow")
    async def follow(self, drive: Drive) -> None:
        async with status():
            await self._driver.follow(drive)

    @activity.defn(name=NAME + "fail")
    async def fail(self, drive: Drive) -> None:
        async with status():
            await self._driver.fail(drive)

    @activity.defn(name=NAME + "stop")
    async def stop(self, drive: Drive) -> None:
        async with status():
            await self._driver.stop(drive)

    def all(self) -> list[Callable[..., object]]:
        """Every activity, as the worker wants them."""
        return [self.prepare, self.start, self.follow, self.fail, self.stop]


def activities(runtime: Runtime) -> Sequence[Callable[..., object]]:
    """For the manifest."""
    return Activities(runtime).all()
