"""A state has one word: the API's, with a capital letter, on pages, in the terminal and in what operators see."""

from __future__ import annotations

from typing import Any

import pytest

from app.cli.client import output
from app.domains.inventory import rules as inventory_rules
from app.domains.inventory.contracts import NODE_STATES
from app.domains.inventory.schemas import node_look
from app.domains.provisioning.rules.states import ENDED, STARTING, STATES, state_label
from app.domains.provisioning.schemas import SHAPES, look
from app.shared.context import Runtime
from app.web.templating import STATES as SHAPES_DRAWN
from tests.domains.inventory.stock import plant
from tests.domains.inventory.test_pages import words
from tests.domains.provisioning.hall import machine


def test_every_state_has_a_shape_and_the_apis_word() -> None:
    assert set(SHAPES) == set(STATES)
    assert set(SHAPES.values()) <= set(SHAPES_DRAWN)
    for state in STATES:
        assert state_label(state).lower().replace(" ", "_") == state


@pytest.mark.parametrize("canceled", [False, True])
@pytest.mark.parametrize("state", STATES)
def test_the_command_line_says_what_a_page_says(state: str, canceled: bool) -> None:
    assert output.state({"state": state, "cancel_requested": canceled}) == look(state, cancel_requested=canceled)[1]
    assert frozenset(output.STARTING) == STARTING


@pytest.mark.parametrize("state", NODE_STATES)
def test_a_nodes_state_is_one_word_too(state: Any) -> None:
    label = inventory_rules.node_label(state)
    assert label.lower() == state and output.state({"state": state}) == label
    assert node_look(state, (), cordoned=False, matched=True)[1] == label


async def test_pages_show_the_label_of_every_state(runtime: Runtime, sign_in_as: Any) -> None:
    await plant(runtime)
    ada, olga = await sign_in_as("ada"), await sign_in_as("olga", operator=True)
    live = [state for state in STATES if state not in ENDED]
    ids = {
        state: await machine(runtime, ada, None, sku="l40sx4", state=state, name=f"m-{number}")
        for number, state in enumerate(live)
    }
    listed, admin = (
        words((await ada.client.get("/machines")).text),
        words((await olga.client.get("/admin/allocations")).text),
    )
    for state, allocation_id in ids.items():
        label = state_label(state)
        assert label in listed and label in admin
        assert f"State {label}" in words((await ada.client.get(f"/machines/{allocation_id}")).text)
        answer = (await ada.client.get(f"/api/v1/allocations/{allocation_id}")).json()
        assert output.state(answer) == label
