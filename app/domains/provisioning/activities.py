"""The activities of the two workflows. Each opens its own Contexts, may be repeated at any time, and raises a typed
error: a faulty machine, an allocation that is no longer wanted, or something to retry."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager

from temporalio import activity
from temporalio.exceptions import ApplicationError

from app.domains.provisioning.contracts import (
    CONTROLLER,
    NO_CAPACITY,
    NODE_FAULT,
    UNWANTED,
    End,
    GiveUp,
    Limits,
    Step,
    Vacated,
)
from app.domains.provisioning.errors import NoCapacity, NodeFault, NoLongerWanted, ReturnFailed
from app.domains.provisioning.service import placing, proving, teardown
from app.domains.provisioning.service.deploying import Deployer, trace_of
from app.domains.provisioning.service.proving import Prover
from app.shared.authz.actor import SYSTEM
from app.shared.context import Runtime
from app.shared.errors import DomainError

NAME = "provisioning."
HEARTBEAT_SECONDS = 1.0


@contextmanager
def application_errors() -> Iterator[None]:
    """Give every failure its name, so that the workflow can decide; what is not known here is worth another try."""
    try:
        yield
    except NodeFault as error:
        raise ApplicationError(str(error), type=NODE_FAULT, non_retryable=True) from error
    except NoLongerWanted as error:
        raise ApplicationError("nobody wants it any more", type=UNWANTED, non_retryable=True) from error
    except NoCapacity as error:
        raise ApplicationError(error.message, type=NO_CAPACITY, non_retryable=True) from error
    except ReturnFailed as error:
        raise ApplicationError(str(error), type=CONTROLLER, non_retryable=True) from error
    except DomainError as error:
        raise ApplicationError(error.message, type=error.code, non_retryable=not error.retryable) from error


@asynccontextmanager
async def beating() -> AsyncIterator[None]:
    """Send heartbeats while an activity runs, also while a machine or its controller takes a minute to answer; each
    activity enforces its own time limits. Cancellation arrives through heartbeats too."""

    async def heartbeat() -> None:
        while True:
            activity.heartbeat()
            await asyncio.sleep(HEARTBEAT_SECONDS)

    task = asyncio.create_task(heartbeat())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


class Activities:
    """Bound to one process's runtime."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._deployer = Deployer(runtime)
        self._prover = Prover(runtime)

    @activity.defn(name=NAME + "begin")
    async def begin(self, step: Step) -> Limits:
        with application_errors():
            async with self._runtime.context(SYSTEM, trace_of(step)) as ctx:
                return await placing.begin(ctx, step)

    @activity.defn(name=NAME + "place")
    async def place(self, step: Step) -> None:
        with application_errors():
            async with self._runtime.context(SYSTEM, trace_of(step)) as ctx:
                await placing.place(ctx, step)

    @activity.defn(name=NAME + "deploy")
    async def deploy(self, step: Step) -> None:
        with application_errors():
            async with beating():
                await self._deployer.deploy(step)

    @activity.defn(name=NAME + "configure")
    async def configure(self, step: Step) -> None:
        with application_errors():
            async with beating():
                await self._prover.configure(step)

    @activity.defn(name=NAME + "probe")
    async def probe(self, step: Step) -> None:
        with application_errors():
            async with beating():
                await self._prover.probe(step)

    @activity.defn(name=NAME + "activate")
    async def activate(self, step: Step) -> None:
        with application_errors():
            async with self._runtime.context(SYSTEM, trace_of(step)) as ctx:
                await proving.activate(ctx, step)

    @activity.defn(name=NAME + "close_access")
    async def close_access(self, step: Step) -> bool:
        with application_errors():
            async with beating():
                return await teardown.close_access(self._runtime, step)

    @activity.defn(name=NAME + "vacate")
    async def vacate(self, command: GiveUp) -> Vacated:
        with application_errors():
            async with self._runtime.context(SYSTEM, trace_of(command.step)) as ctx:
                return await teardown.vacate(ctx, command)

    @activity.defn(name=NAME + "give_back")
    async def return_machine(self, step: Step) -> None:
        with application_errors():
            async with beating():
                await self._deployer.return_machine(step)

    @activity.defn(name=NAME + "leave")
    async def leave(self, command: GiveUp) -> None:
        with application_errors():
            async with self._runtime.context(SYSTEM, trace_of(command.step)) as ctx:
                await teardown.leave(ctx, command)

    @activity.defn(name=NAME + "hold_node")
    async def quarantine_node(self, command: GiveUp) -> None:
        with application_errors():
            async with self._runtime.context(SYSTEM, trace_of(command.step)) as ctx:
                await teardown.quarantine_node(ctx, command)

    @activity.defn(name=NAME + "end")
    async def end(self, command: End) -> None:
        with application_errors():
            async with self._runtime.context(SYSTEM, trace_of(command.step)) as ctx:
                await teardown.end(ctx, command)

    @activity.defn(name=NAME + "release_begin")
    async def release_begin(self, step: Step) -> Limits:
        with application_errors():
            async with self._runtime.context(SYSTEM, trace_of(step)) as ctx:
                return await teardown.release_begin(ctx, step)

    @activity.defn(name=NAME + "finish_close")
    async def finish_close(self, step: Step) -> None:
        with application_errors():
            async with self._runtime.context(SYSTEM, trace_of(step)) as ctx:
                await teardown.finish_close(ctx, step)

    @activity.defn(name=NAME + "release_failed")
    async def release_failed(self, command: GiveUp) -> None:
        with application_errors():
            async with self._runtime.context(SYSTEM, trace_of(command.step)) as ctx:
                await teardown.release_failed(ctx, command)

    @activity.defn(name=NAME + "retry_release")
    async def retry_release(self, step: Step) -> None:
        with application_errors():
            async with self._runtime.context(SYSTEM, trace_of(step)) as ctx:
                await teardown.retry_release(ctx, step)

    @activity.defn(name=NAME + "finish_release")
    async def finish_release(self, step: Step) -> None:
        with application_errors():
            async with self._runtime.context(SYSTEM, trace_of(step)) as ctx:
                await teardown.finish_release(ctx, step)

    def all(self) -> list[Callable[..., object]]:
        """Every activity, as the worker wants them."""
        return [
            self.begin, self.place, self.deploy, self.configure, self.probe, self.activate, self.close_access,
            self.vacate, self.return_machine, self.leave, self.quarantine_node, self.end, self.release_begin,
            self.finish_close, self.release_failed, self.retry_release, self.finish_release,
        ]  # fmt: skip


def activities(runtime: Runtime) -> Sequence[Callable[..., object]]:
    """For the manifest."""
    return Activities(runtime).all()
