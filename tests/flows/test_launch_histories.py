"""Workflows of real runs replay: what the broker has written down leads this code through the same decisions again.

With BERTH_RECORD_HISTORIES=1 the histories are also written to tests/domains/provisioning/histories/, for the releases
to come: do that once per release that changes a workflow, never to make a failing replay pass.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
from pathlib import Path

import pytest
from temporalio.client import WorkflowHistory
from temporalio.worker import Replayer

from app.domains.provisioning.contracts import provision_workflow_id, release_workflow_id
from app.domains.provisioning.service.release import CancelAllocation, cancel
from app.domains.provisioning.workflows import ProvisionAllocation, ReleaseAllocation
from tests.domains.provisioning.world import World, provisioner, small_cloud

pytestmark = [pytest.mark.commits, pytest.mark.slow]
HISTORIES = Path(__file__).parents[1] / "domains" / "provisioning" / "histories"


def scrub(text: str) -> str:
    """Without what only says where it was recorded: names of processes and stack traces."""

    def walk(value: object) -> object:
        if isinstance(value, dict):
            return {key: walk(item) for key, item in value.items() if key != "stackTrace"}
        if isinstance(value, list):
            return [walk(item) for item in value]
        return re.sub(r"\d+@[\w.-]+", "provisioner", value) if isinstance(value, str) else value

    return json.dumps(walk(json.loads(text)), indent=1)


async def keep(world: World, name: str, workflow_id: str) -> None:
    """Replay the history of a run that has ended; keep it when asked to."""
    assert world.client is not None
    handle = world.client.get_workflow_handle(workflow_id)
    await asyncio.wait_for(handle.result(), 60)
    history = await handle.fetch_history()
    text = scrub(history.to_json())
    await Replayer(workflows=[ProvisionAllocation, ReleaseAllocation]).replay_workflow(
        WorkflowHistory.from_json(workflow_id, text)
    )
    if os.environ.get("BERTH_RECORD_HISTORIES"):
        HISTORIES.mkdir(exist_ok=True)
        (HISTORIES / f"{name}.json").write_text(text + "\n")


async def test_real_runs_replay(runtime, temporal_server, tmp_path) -> None:
    async with small_cloud(runtime, tmp_path, speed=100.0) as world:
        await world.stock()
        async with provisioner(world, temporal_server.url):
            whole = await world.launch("l40sx4")
            await world.until(whole.allocation_id, "active")
            await keep(world, "launch-whole", provision_workflow_id(whole.allocation_id))
            await world.release(whole.allocation_id)
            await world.until(whole.allocation_id, "released")
            await keep(world, "release-whole", release_workflow_id(whole.allocation_id))

            first, second = await world.launch("l40sx4", gpus=1), await world.launch("l40sx4", gpus=1)
            for launched in (first, second):
                await world.until(launched.allocation_id, "active")
            await keep(world, "launch-slots", provision_workflow_id(second.allocation_id))
            await world.release(first.allocation_id)
            await world.until(first.allocation_id, "released")
            await keep(world, "release-slots-shared", release_workflow_id(first.allocation_id))

            await world.fault("gpu_missing", count=1)
            again = await world.launch("l40sx4")
            await world.until(again.allocation_id, "active")
            await keep(world, "launch-second-machine", provision_workflow_id(again.allocation_id))

            await world.fault("never_deploys", count=1)
            given_up = await world.launch("cpu")
            await world.until(given_up.allocation_id, "provisioning")
            async with runtime.context(world.actor()) as ctx:
                await cancel(ctx, CancelAllocation(allocation_id=given_up.allocation_id))
            await world.drain()
            await keep(world, "launch-canceled", provision_workflow_id(given_up.allocation_id))

            await world.policies(**{"provisioning.place_attempts": 1})
            await world.fault("deploy_fails", count=1)
            failed = await world.launch("cpu")
            await keep(world, "launch-failed", provision_workflow_id(failed.allocation_id))
