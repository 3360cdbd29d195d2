"""The two lives that outlast a process: getting a machine ready, and getting it back. Pure: decisions and waiting only.

Whatever an activity did has its way back, walked in reverse order when a later step fails, when the launch is canceled
at any moment, or when nobody knows how an activity ended. Which way a failure leads is told by its type (contracts).
"""

import asyncio
from collections.abc import Coroutine
from dataclasses import replace
from datetime import timedelta
from typing import Any, TypeVar

from temporalio import workflow
from temporalio.common import RetryPolicy
from temporalio.exceptions import ActivityError, ApplicationError, is_cancelled_exception
from temporalio.workflow import ActivityCancellationType

with workflow.unsafe.imports_passed_through():
    from app.domains.provisioning.contracts import (
        CANCEL_SIGNAL,
        CONTROLLER,
        NODE_FAULT,
        PROVISION,
        RELEASE,
        UNWANTED,
        End,
        GiveUp,
        Limits,
        Outcome,
        Step,
        Vacated,
        WorkflowInput,
    )

T = TypeVar("T")
SHORT = timedelta(seconds=10)  # one transaction
HEARTBEAT = timedelta(seconds=10)  # a worker that says nothing for that long is dead
SPARE = timedelta(seconds=120)  # beyond a step's own limit, which the activity watches itself
RETRY = RetryPolicy(initial_interval=timedelta(seconds=1), maximum_interval=timedelta(seconds=15))
LONGEST_PAUSE = timedelta(minutes=30)
PATIENT = Limits(  # of a launch given up before its own were read: no policy is longer, and activities watch theirs
    place_seconds=3_600, deploy_seconds=14_400, answer_seconds=3_600, return_seconds=172_800, close_seconds=600,
    retry_seconds=3_600, attempts=1,
)  # fmt: skip
RELEASE_TRIES = 50


async def short(name: str, given: object, result: type[T], within: timedelta | None = None) -> T:
    """An activity of one transaction. Without `within` it is repeated until it succeeds."""
    done: T = await workflow.execute_activity(
        "provisioning." + name,
        given,
        result_type=result,
        start_to_close_timeout=SHORT,
        schedule_to_close_timeout=within,
        retry_policy=RETRY,
        cancellation_type=ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
    )
    return done


async def long(name: str, given: object, result: type[T], seconds: int) -> T:
    """An activity that waits for the world and beats its heart; it watches `seconds` itself."""
    limit = timedelta(seconds=seconds) + SPARE
    done: T = await workflow.execute_activity(
        "provisioning." + name,
        given,
        result_type=result,
        start_to_close_timeout=limit,
        schedule_to_close_timeout=limit,
        heartbeat_timeout=HEARTBEAT,
        retry_policy=RETRY,
        cancellation_type=ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
    )
    return done


async def surely(work: Coroutine[Any, Any, T]) -> T:
    """Finish `work` even when the workflow is canceled meanwhile: a half-finished compensation is worse than none."""
    task = asyncio.create_task(work)
    while not task.done():
        try:
            await asyncio.shield(task)
        except asyncio.CancelledError:
            if task.done():
                raise
    return task.result()


def failure(error: BaseException) -> tuple[str, str]:
    """The type and text of the error that ended a step."""
    if is_cancelled_exception(error):
        return UNWANTED, ""
    cause = error.cause if isinstance(error, ActivityError) else error
    if isinstance(cause, ApplicationError):
        return cause.type or "internal_error", cause.message
    return "timed_out", "A part that we depend on did not answer in time."


@workflow.defn(name=PROVISION)
class ProvisionAllocation:
    """From requested to active, or back to nothing."""

    def __init__(self) -> None:
        self._canceled = False
        self._work: asyncio.Task[Outcome] | None = None
        self._step = Step("", "")
        self._limits: Limits | None = None

    @workflow.signal(name=CANCEL_SIGNAL)
    def cancel(self) -> None:
        """The row records it too, so every step that starts later stops by itself. This ends the step in progress."""
        self._canceled = True
        if self._work is not None:
            self._work.cancel()

    @workflow.run
    async def run(self, given: WorkflowInput) -> Outcome:
        self._step = Step(given.allocation_id, given.correlation_id)
        self._work = asyncio.create_task(self._provision())
        if self._canceled:
            self._work.cancel()
        try:
            return await self._work
        except (ActivityError, ApplicationError, asyncio.CancelledError) as error:
            self._work.cancel()
            kind, text = failure(error)
            state = "canceled" if kind == UNWANTED else "failed"
            await surely(self._undo(End(self._step, state, kind, text)))
            return Outcome(state)

    async def _provision(self) -> Outcome:
        self._limits = limits = await short("begin", self._step, Limits, timedelta(hours=1))
        reason = ""
        for attempt in range(1, limits.attempts + 1):
            self._step = replace(self._step, attempt=attempt)
            try:
                await self._make(limits)
                return Outcome("active")
            except ActivityError as error:
                kind, text = failure(error)
                if kind == NODE_FAULT:
                    reason = text
                    await surely(self._leave(text))
                elif reason and kind != UNWANTED:
                    raise ApplicationError(f"{reason} {text}", type=kind, non_retryable=True) from error
                else:
                    raise
        raise ApplicationError(reason, type=NODE_FAULT, non_retryable=True)

    async def _make(self, limits: Limits) -> None:
        none = type(None)
        await short("place", self._step, none, timedelta(seconds=limits.place_seconds))
        await long("deploy", self._step, none, limits.deploy_seconds)
        await long("configure", self._step, none, limits.answer_seconds)
        await long("probe", self._step, none, 2 * limits.answer_seconds)
        await short("activate", self._step, none, timedelta(seconds=limits.answer_seconds))

    async def _leave(self, reason: str) -> None:
        """Leave a faulty machine: it is quarantined."""
        await self._go(reason)
        await short("leave", GiveUp(self._step, reason), type(None))

    async def _undo(self, end: End) -> None:
        await self._go(end.text if end.code == NODE_FAULT else "")
        await short("end", end, type(None))

    async def _go(self, reason: str) -> None:
        """Leave the machine: remove the account where other tenants remain, return the machine where none does."""
        vacated = await short("vacate", GiveUp(self._step, reason), Vacated)
        limits = self._limits or PATIENT
        try:
            if vacated.occupied and not await long("close_access", self._step, bool, limits.close_seconds):
                held = "An account could not be removed, because the machine did not answer."
                await short("hold_node", GiveUp(self._step, held), type(None))
            if vacated.machine:
                await long("give_back", self._step, type(None), limits.return_seconds)
        except ActivityError as error:
            await short("hold_node", GiveUp(self._step, failure(error)[1]), type(None))


@workflow.defn(name=RELEASE)
class ReleaseAllocation:
    """From releasing to released. A dead host does not stop it; a machine that MAAS does not take back is held."""

    @workflow.run
    async def run(self, given: WorkflowInput) -> Outcome:
        step = Step(given.allocation_id, given.correlation_id)
        try:
            limits = await short("release_begin", step, Limits)
        except ActivityError as error:
            if failure(error)[0] == UNWANTED:
                return Outcome("unwanted")
            raise
        return await surely(self._release(step, limits))

    async def _release(self, step: Step, limits: Limits) -> Outcome:
        reached = await self._close(step, limits)
        vacated = await short("vacate", GiveUp(step), Vacated)
        if vacated.occupied and not reached:
            held = "An account could not be removed, because the machine did not answer."
            await short("hold_node", GiveUp(step, held), type(None))
        if vacated.machine:
            step = await self._get_back(step, limits)
        await short("finish_release", step, type(None))
        return Outcome("released")

    async def _close(self, step: Step, limits: Limits) -> bool:
        try:
            reached = await long("close_access", step, bool, limits.close_seconds)
        except ActivityError:
            reached = False
        await short("finish_close", step, type(None))
        return reached

    async def _get_back(self, step: Step, limits: Limits) -> Step:
        """Retry until MAAS has taken the machine back; each failure is recorded and quarantines the node, then the
        pause doubles."""
        pause = timedelta(seconds=limits.retry_seconds)
        for attempt in range(RELEASE_TRIES):
            step = replace(step, attempt=attempt)
            try:
                await long("give_back", step, type(None), limits.return_seconds)
                return step
            except ActivityError as error:
                await short("release_failed", GiveUp(step, failure(error)[1]), type(None))
            await asyncio.sleep(pause.total_seconds())
            await short("retry_release", step, type(None))
            pause = min(pause * 2, LONGEST_PAUSE)
        raise ApplicationError("the machine did not come back", type=CONTROLLER, non_retryable=True)
