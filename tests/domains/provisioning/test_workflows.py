"""The two workflows against stand-in activities, in skipped time: which way every failure leads."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import timedelta

import pytest
from temporalio import activity
from temporalio.client import Client, WorkflowFailureError, WorkflowHandle
from temporalio.exceptions import ApplicationError
from temporalio.worker import Worker

from app.domains.provisioning.contracts import (
    CANCEL_SIGNAL,
    NO_CAPACITY,
    NODE_FAULT,
    UNWANTED,
    End,
    GiveUp,
    Limits,
    Outcome,
    Step,
    Vacated,
    WorkflowInput,
)
from app.domains.provisioning.workflows import ProvisionAllocation, ReleaseAllocation

LIMITS = Limits(
    place_seconds=60, deploy_seconds=600, answer_seconds=60, return_seconds=600, close_seconds=20, retry_seconds=60,
    attempts=3,
)  # fmt: skip
GIVEN = WorkflowInput("a1", "correlation-id")
WAY_IN = ["begin", "place", "deploy", "configure", "probe", "activate"]
WAIT = 3600


class Hall:
    """Stand-ins for all activities: they note that they ran, and do what a test asks of them."""

    def __init__(self) -> None:
        self.ran: list[str] = []
        self.ended: End | None = None
        self.held: list[str] = []
        self.left: list[str] = []
        self.vacated = Vacated(machine=True, occupied=False)
        self.reached = True
        self.does: dict[str, Callable[[], None]] = {}
        self.hangs: str | None = None
        self.hanging = asyncio.Event()

    async def run(self, name: str) -> None:
        self.ran.append(name)
        if name in self.does:
            self.does[name]()
        if name == self.hangs:
            self.hanging.set()
            for _ in range(WAIT * 20):
                activity.heartbeat()
                await asyncio.sleep(0.05)  # pace of an activity that hangs

    def fail(self, name: str, kind: str, text: str = "because", times: int = 1) -> None:
        """`name` fails that often with this type, then works."""
        left = [times]

        def once() -> None:
            if left[0]:
                left[0] -= 1
                raise ApplicationError(text, type=kind, non_retryable=True)

        self.does[name] = once

    def all(self) -> list[Callable[..., object]]:
        hall = self

        def plain(name: str) -> Callable[..., object]:
            @activity.defn(name="provisioning." + name)
            async def run(step: Step) -> None:
                await hall.run(name)

            return run

        @activity.defn(name="provisioning.begin")
        async def begin(step: Step) -> Limits:
            await hall.run("begin")
            return LIMITS

        @activity.defn(name="provisioning.release_begin")
        async def release_begin(step: Step) -> Limits:
            await hall.run("release_begin")
            return LIMITS

        @activity.defn(name="provisioning.vacate")
        async def vacate(command: GiveUp) -> Vacated:
            await hall.run("vacate")
            return hall.vacated

        @activity.defn(name="provisioning.close_access")
        async def close_access(step: Step) -> bool:
            await hall.run("close_access")
            return hall.reached

        @activity.defn(name="provisioning.leave")
        async def leave(command: GiveUp) -> None:
            hall.left.append(command.quarantine)
            await hall.run("leave")

        @activity.defn(name="provisioning.hold_node")
        async def hold_node(command: GiveUp) -> None:
            hall.held.append(command.quarantine)
            await hall.run("hold_node")

        @activity.defn(name="provisioning.release_failed")
        async def release_failed(command: GiveUp) -> None:
            hall.held.append(command.quarantine)
            await hall.run("release_failed")

        @activity.defn(name="provisioning.end")
        async def end(command: End) -> None:
            hall.ended = command
            await hall.run("end")

        names = ["place", "deploy", "configure", "probe", "activate", "give_back", "finish_close", "retry_release"]
        return [
            begin, release_begin, vacate, close_access, leave, hold_node, release_failed, end,
            *(plain(name) for name in [*names, "finish_release"]),
        ]  # fmt: skip


@pytest.fixture
def hall() -> Hall:
    return Hall()


class Stage:
    """A worker with the stand-ins, and the client."""

    def __init__(self, client: Client) -> None:
        self.client = client

    async def start(self, workflow: type, signal: str | None = None) -> WorkflowHandle:
        return await self.client.start_workflow(
            workflow.run, GIVEN, id=f"{workflow.__name__}/a1", task_queue="stage", start_signal=signal,
            execution_timeout=timedelta(days=30),
        )  # fmt: skip


@pytest.fixture
async def stage(temporal, hall):
    async with Worker(
        temporal.client,
        task_queue="stage",
        workflows=[ProvisionAllocation, ReleaseAllocation],
        activities=hall.all(),
        max_heartbeat_throttle_interval=timedelta(milliseconds=50),
        default_heartbeat_throttle_interval=timedelta(milliseconds=50),
    ):
        yield Stage(temporal.client)


async def test_every_step_in_its_order(stage, hall) -> None:
    handle = await stage.start(ProvisionAllocation)
    assert await handle.result() == Outcome("active")
    assert hall.ran == WAY_IN
    assert hall.ended is None


@pytest.mark.parametrize("step", ["deploy", "configure", "probe"])
async def test_a_bad_machine_is_left_held_and_another_one_tried(stage, hall, step) -> None:
    hall.fail(step, NODE_FAULT, "node-01: 7 of 8 GPUs answer.")
    handle = await stage.start(ProvisionAllocation)
    assert await handle.result() == Outcome("active")
    assert hall.left == ["node-01: 7 of 8 GPUs answer."]
    first = WAY_IN[: WAY_IN.index(step) + 1]
    assert hall.ran == [*first, "vacate", "give_back", "leave", *WAY_IN[1:]]


async def test_three_bad_machines_are_enough(stage, hall) -> None:
    hall.fail("probe", NODE_FAULT, "It does not answer.", times=9)
    handle = await stage.start(ProvisionAllocation)
    assert await handle.result() == Outcome("failed")
    assert hall.ran.count("place") == 3
    assert len(hall.left) == 3
    assert hall.ended is not None
    assert (hall.ended.state, hall.ended.code, hall.ended.text) == ("failed", NODE_FAULT, "It does not answer.")


async def test_no_other_machine_after_a_bad_one_tells_both(stage, hall) -> None:
    hall.fail("deploy", NODE_FAULT, "Installing node-01 failed.")
    count = [0]

    def second() -> None:
        count[0] += 1
        if count[0] == 2:
            raise ApplicationError("None is free.", type=NO_CAPACITY, non_retryable=True)

    hall.does["place"] = second
    handle = await stage.start(ProvisionAllocation)
    assert await handle.result() == Outcome("failed")
    assert hall.ended is not None
    assert (hall.ended.code, hall.ended.text) == (NO_CAPACITY, "Installing node-01 failed. None is free.")


@pytest.mark.parametrize("step", WAY_IN)
async def test_whatever_fails_everything_before_it_is_undone(stage, hall, step) -> None:
    hall.fail(step, "allocation_broken", "It broke.", times=99)
    handle = await stage.start(ProvisionAllocation)
    assert await handle.result() == Outcome("failed")
    assert hall.ran == [*WAY_IN[: WAY_IN.index(step) + 1], "vacate", "give_back", "end"]
    assert hall.ended is not None
    assert (hall.ended.state, hall.ended.text) == ("failed", "It broke.")


@pytest.mark.parametrize("step", WAY_IN)
async def test_an_allocation_that_nobody_wants_any_more_is_canceled(stage, hall, step) -> None:
    hall.fail(step, UNWANTED, times=99)
    handle = await stage.start(ProvisionAllocation)
    assert await handle.result() == Outcome("canceled")
    assert hall.ended is not None
    assert hall.ended.state == "canceled"
    assert hall.ran[-1] == "end"


@pytest.mark.parametrize("step", ["deploy", "configure", "probe"])
@pytest.mark.parametrize("how", ["signal", "cancel"])
async def test_a_cancellation_ends_what_is_under_way_and_undoes_it(stage, hall, step, how) -> None:
    hall.hangs = step
    handle = await stage.start(ProvisionAllocation)
    await asyncio.wait_for(hall.hanging.wait(), 20)
    await (handle.signal(CANCEL_SIGNAL) if how == "signal" else handle.cancel())
    assert await asyncio.wait_for(handle.result(), 30) == Outcome("canceled")
    assert hall.ran == [*WAY_IN[: WAY_IN.index(step) + 1], "vacate", "give_back", "end"]


async def test_a_cancellation_that_comes_before_the_first_step_is_kept(stage, hall) -> None:
    handle = await stage.start(ProvisionAllocation, signal=CANCEL_SIGNAL)
    assert await asyncio.wait_for(handle.result(), 30) == Outcome("canceled")
    assert hall.ran[-3:] == ["vacate", "give_back", "end"]  # a lost workflow may have taken a machine: it goes back
    assert "place" not in hall.ran


async def test_a_second_cancellation_does_not_stop_the_way_back(stage, hall) -> None:
    hall.fail("probe", "allocation_broken")
    hall.hangs = "give_back"
    handle = await stage.start(ProvisionAllocation)
    await asyncio.wait_for(hall.hanging.wait(), 20)
    await handle.signal(CANCEL_SIGNAL)
    await handle.cancel()
    hall.hangs = None
    await asyncio.sleep(0.2)  # outlasts what an activity would have needed
    assert "end" not in hall.ran
    assert not (await handle.describe()).close_time


async def test_a_machine_that_does_not_come_back_is_held_and_the_launch_ends(stage, hall) -> None:
    hall.fail("probe", "allocation_broken", "It broke.")
    hall.fail("give_back", "MachineController", "node-01 could not be erased.", times=99)
    handle = await stage.start(ProvisionAllocation)
    assert await handle.result() == Outcome("failed")
    assert hall.held == ["node-01 could not be erased."]
    assert hall.ran[-1] == "end"


async def test_on_a_shared_machine_only_the_account_goes(stage, hall) -> None:
    hall.fail("activate", "allocation_broken")
    hall.vacated = Vacated(machine=False, occupied=True)
    handle = await stage.start(ProvisionAllocation)
    assert await handle.result() == Outcome("failed")
    assert hall.ran[len(WAY_IN) :] == ["vacate", "close_access", "end"]


async def test_an_account_that_could_not_be_removed_holds_the_shared_machine(stage, hall) -> None:
    hall.fail("activate", "allocation_broken")
    hall.vacated, hall.reached = Vacated(machine=False, occupied=True), False
    handle = await stage.start(ProvisionAllocation)
    assert await handle.result() == Outcome("failed")
    assert hall.held == ["An account could not be removed, because the machine did not answer."]


async def test_a_release_goes_through_every_step(stage, hall) -> None:
    handle = await stage.start(ReleaseAllocation)
    assert await handle.result() == Outcome("released")
    assert hall.ran == ["release_begin", "close_access", "finish_close", "vacate", "give_back", "finish_release"]


async def test_a_release_of_what_is_not_leaving_does_nothing(stage, hall) -> None:
    hall.fail("release_begin", UNWANTED)
    handle = await stage.start(ReleaseAllocation)
    assert await handle.result() == Outcome("unwanted")
    assert hall.ran == ["release_begin"]


async def test_a_dead_host_does_not_stop_a_release(stage, hall) -> None:
    hall.reached = False
    handle = await stage.start(ReleaseAllocation)
    assert await handle.result() == Outcome("released")
    assert hall.held == []


async def test_a_failed_release_is_told_and_tried_again_with_growing_pauses(stage, hall) -> None:
    hall.fail("give_back", "MachineController", "node-01 could not be erased.", times=4)
    handle = await stage.start(ReleaseAllocation)
    assert await handle.result() == Outcome("released")
    assert hall.held == ["node-01 could not be erased."] * 4
    assert hall.ran.count("retry_release") == 4
    description = await handle.describe()
    assert description.close_time - description.start_time >= timedelta(seconds=60 + 120 + 240 + 480)


async def test_a_release_that_never_works_ends_in_sight_of_an_operator(stage, hall) -> None:
    hall.fail("give_back", "MachineController", "node-01 could not be erased.", times=999)
    handle = await stage.start(ReleaseAllocation)
    with pytest.raises(WorkflowFailureError):
        await handle.result()
    assert "finish_release" not in hall.ran
    assert hall.ran.count("release_failed") == 50
