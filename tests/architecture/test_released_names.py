"""What a release has named stays served: rows, messages and workflows that it left wait under those names.

A row of the outbox whose job nobody knows fails a dozen times, and holds back the younger ones of its aggregate
meanwhile. `released_names.json` holds the names of jobs, crons, consumers and workflows; a new one is added there with
the change that makes it, one that goes is taken out a release after its last writer.
"""

import json
from pathlib import Path

import pytest
from temporalio import workflow

from app.registry import DOMAINS

RELEASED: dict[str, list[str]] = json.loads(Path(__file__).with_name("released_names.json").read_text("utf-8"))


def served() -> dict[str, set[str]]:
    """Every name that this tree serves, by kind."""
    return {
        "jobs": {job.name for domain in DOMAINS for job in domain.jobs},
        "crons": {cron.name for domain in DOMAINS for cron in domain.crons},
        "consumers": {consumer.name for domain in DOMAINS for consumer in domain.consumers},
        "workflows": {
            str(workflow._Definition.must_from_class(kind).name) for domain in DOMAINS for kind in domain.workflows
        },
    }


def test_the_kinds_are_known() -> None:
    assert set(RELEASED) == set(served())


@pytest.mark.parametrize("kind", sorted(RELEASED))
def test_every_name_of_the_release_before_is_served_and_new_ones_are_written_down(kind: str) -> None:
    assert sorted(served()[kind]) == RELEASED[kind]
