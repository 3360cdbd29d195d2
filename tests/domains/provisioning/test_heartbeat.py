"""A machine or its controller may take a minute to answer; the activity is alive all the while, and can be canceled."""

import asyncio

import pytest
from temporalio.testing import ActivityEnvironment

from app.domains.provisioning import activities


async def test_an_activity_beats_while_it_waits(monkeypatch) -> None:
    monkeypatch.setattr(activities, "HEARTBEAT_SECONDS", 0.01)
    environment, beats = ActivityEnvironment(), asyncio.Queue[int]()
    environment.on_heartbeat = lambda *_details: beats.put_nowait(1)

    async def waits() -> str:
        async with activities.beating():
            for _ in range(3):
                await asyncio.wait_for(beats.get(), 5)
        return "done"

    assert await environment.run(waits) == "done"


async def test_beating_ends_with_the_work(monkeypatch) -> None:
    monkeypatch.setattr(activities, "HEARTBEAT_SECONDS", 0.01)
    environment, beats = ActivityEnvironment(), asyncio.Queue[int]()
    environment.on_heartbeat = lambda *_details: beats.put_nowait(1)

    async def breaks() -> None:
        async with activities.beating():
            await asyncio.wait_for(beats.get(), 5)
            raise RuntimeError("broken")

    with pytest.raises(RuntimeError, match="broken"):
        await environment.run(breaks)
    while not beats.empty():
        beats.get_nowait()
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(beats.get(), 0.1)
