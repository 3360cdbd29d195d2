"""Histories of released versions replay with today's workflows: a machine that is being made survives an upgrade.

They were written by tests/flows/test_launch_histories.py from real runs. One that fails here means: change the workflow
with `workflow.patched`, do not touch the file.
"""

from pathlib import Path

import pytest
from temporalio.client import WorkflowHistory
from temporalio.worker import Replayer

from app.domains.provisioning.workflows import ProvisionAllocation, ReleaseAllocation

HISTORIES = sorted((Path(__file__).parent / "histories").glob("*.json"))


def read(name: str) -> str:
    return next(path for path in HISTORIES if path.stem == name).read_text()


def test_there_are_histories_of_both_workflows() -> None:
    names = {path.stem.split("-")[0] for path in HISTORIES}
    assert names == {"launch", "release"}


@pytest.mark.parametrize("name", [path.stem for path in HISTORIES])
async def test_a_history_of_a_released_version_replays(name: str) -> None:
    history = WorkflowHistory.from_json(name, read(name))
    replayer = Replayer(workflows=[ProvisionAllocation, ReleaseAllocation])
    assert (await replayer.replay_workflow(history, raise_on_replay_failure=False)).replay_failure is None
