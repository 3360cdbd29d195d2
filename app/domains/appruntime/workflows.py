"""Bringing an app up or down. Pure: decisions and waiting only; what is true is in the row, which activities ask."""

from dataclasses import replace
from datetime import timedelta

from temporalio import workflow
from temporalio.common import RetryPolicy
from temporalio.exceptions import ActivityError, ApplicationError

with workflow.unsafe.imports_passed_through():
    from app.domains.appruntime.contracts import DRIVE, UNWANTED, Drive

SHORT = timedelta(seconds=90)
HEARTBEAT = timedelta(seconds=10)  # a worker that says nothing for that long is dead
STEP_TIMEOUT = timedelta(minutes=3)  # for one step on a machine that does not answer
START_TIMEOUT = timedelta(hours=24)  # for a stop: until the machine answers or is gone
RETRY = RetryPolicy(initial_interval=timedelta(seconds=1), maximum_interval=timedelta(seconds=15))


async def _do(name: str, drive: Drive, within: timedelta, each: timedelta = SHORT) -> None:
    await workflow.execute_activity(
        "appruntime." + name,
        drive,
        result_type=type(None),
        start_to_close_timeout=each,
        schedule_to_close_timeout=within,
        heartbeat_timeout=HEARTBEAT,
        retry_policy=RETRY,
    )


def _failure(error: ActivityError) -> tuple[str, str]:
    cause = error.cause
    if isinstance(cause, ApplicationError):
        return cause.type or "", cause.message
    return "timed_out", "The machine did not answer in time."


@workflow.defn(name=DRIVE)
class DriveApp:
    """One run up to `running`, or down to `stopped`."""

    @workflow.run
    async def run(self, drive: Drive) -> str:
        if drive.verb == "stop":
            await _do("stop", drive, START_TIMEOUT)
            return "stopped"
        long = timedelta(seconds=drive.seconds + 120)
        try:
            await _do("prepare", drive, STEP_TIMEOUT)
            await _do("start", drive, STEP_TIMEOUT)
            await _do("follow", drive, long, long)
            return "running"
        except ActivityError as error:
            kind, text = _failure(error)
            if kind == UNWANTED:
                return "unwanted"
            await _do("fail", replace(drive, text=text), timedelta(hours=1))
            return "failed"
