"""The workflow against stand-in activities: which way every failure leads, and that written histories replay.

With BERTH_RECORD_HISTORIES=1 the histories of these runs are written anew: do that once per release that changes the
workflow, never to make a failing replay pass.
"""

import asyncio
import json
import os
import re
from collections.abc import Callable
from pathlib import Path
from uuid import uuid4

import pytest
from temporalio import activity
from temporalio.client import Client, WorkflowHistory
from temporalio.exceptions import ApplicationError
from temporalio.worker import Replayer, Worker

from app.domains.appruntime.contracts import APP_FAILED, DRIVE, UNWANTED, Drive, drive_workflow_id
from app.domains.appruntime.workflows import DriveApp
from devstack.services.temporal import Temporal

HISTORIES = Path(__file__).parent / "histories"
APP = "01a20fa5-beaa-72de-8797-53ae10ada18c"
NAMES = ("prepare", "start", "follow", "fail", "stop")


class Hall:
    """Stand-ins for all activities: they note what they got, and fail as often as a test asks."""

    def __init__(self) -> None:
        self.ran: list[str] = []
        self.given: list[Drive] = []
        self.fails: dict[str, list[ApplicationError]] = {}

    def all(self) -> list[Callable[..., object]]:
        def stand_in(name: str) -> Callable[..., object]:
            @activity.defn(name="appruntime." + name)
            async def run(drive: Drive) -> None:
                self.ran.append(name)
                self.given.append(drive)
                if self.fails.get(name):
                    raise self.fails[name].pop(0)

            return run

        return [stand_in(name) for name in NAMES]


def refusal(kind: str, text: str = "because", *, final: bool = True) -> ApplicationError:
    return ApplicationError(text, type=kind, non_retryable=final)


def scrub(value: object) -> object:
    """Without stack traces, which only say where it was recorded."""
    if isinstance(value, dict):
        return {key: scrub(item) for key, item in value.items() if key != "stackTrace"}
    return [scrub(item) for item in value] if isinstance(value, list) else value


async def drive(temporal: Temporal, hall: Hall, verb: str, keep: str = "") -> str:
    """Run the workflow to its end; its history replays, and is kept under that name when asked to."""
    client = await Client.connect(temporal.url)
    queue = f"test-{uuid4().hex[:8]}"
    async with Worker(client, task_queue=queue, workflows=[DriveApp], activities=hall.all()):
        run = await client.start_workflow(
            DRIVE, Drive(APP, verb, 1, "correlation-id"), id=f"{drive_workflow_id(uuid4(), verb, 1)}", task_queue=queue
        )
        result: str = await asyncio.wait_for(run.result(), 30)
    history = await run.fetch_history()
    replayed = await Replayer(workflows=[DriveApp]).replay_workflow(history, raise_on_replay_failure=False)
    assert replayed.replay_failure is None
    if keep and os.environ.get("BERTH_RECORD_HISTORIES"):
        HISTORIES.mkdir(exist_ok=True)
        text = re.sub(r"\d+@[\w.-]+", "provisioner", history.to_json())
        (HISTORIES / f"{keep}.json").write_text(json.dumps(scrub(json.loads(text)), indent=1) + "\n")
    return result


async def test_an_app_goes_up_step_by_step(temporal_server: Temporal) -> None:
    hall = Hall()
    assert await drive(temporal_server, hall, "start", "start") == "running"
    assert hall.ran == ["prepare", "start", "follow"]


async def test_a_failure_is_told_with_its_words(temporal_server: Temporal) -> None:
    hall = Hall()
    hall.fails["follow"] = [refusal(APP_FAILED, "It exited with code 3.")]
    assert await drive(temporal_server, hall, "start", "start-failed") == "failed"
    assert hall.ran == ["prepare", "start", "follow", "fail"]
    assert hall.given[-1].text == "It exited with code 3."


async def test_an_app_that_nobody_wants_any_more_is_left_alone(temporal_server: Temporal) -> None:
    hall = Hall()
    hall.fails["start"] = [refusal(UNWANTED)]
    assert await drive(temporal_server, hall, "start", "start-unwanted") == "unwanted"
    assert hall.ran == ["prepare", "start"]


async def test_a_machine_that_is_silent_for_a_moment_is_asked_again(temporal_server: Temporal) -> None:
    hall = Hall()
    hall.fails["stop"] = [refusal("app_machine_unreachable", final=False)]
    assert await drive(temporal_server, hall, "stop", "stop") == "stopped"
    assert hall.ran == ["stop", "stop"]


@pytest.mark.parametrize("name", ["start", "start-failed", "start-unwanted", "stop"])
async def test_a_history_of_a_released_version_replays(name: str) -> None:
    history = WorkflowHistory.from_json(name, (HISTORIES / f"{name}.json").read_text())
    replayed = await Replayer(workflows=[DriveApp]).replay_workflow(history, raise_on_replay_failure=False)
    assert replayed.replay_failure is None
