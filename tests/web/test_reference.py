"""The reference says what the description says, to those whom it concerns."""

import json
from pathlib import Path

from app.web.reference import chapters
from tests.fixtures.app import SignIn

DESCRIPTION = json.loads((Path(__file__).resolve().parents[2] / "docs" / "openapi.json").read_text("utf-8"))


def test_every_operation_has_a_place_and_its_fields() -> None:
    found = chapters(DESCRIPTION)
    assert sum(len(chapter.operations) for chapter in found) == sum(len(item) for item in DESCRIPTION["paths"].values())
    launch = next(op for chapter in found for op in chapter.operations if op.anchor == "launch_allocation")
    assert {"sku", "image", "gpus", "name", "dry_run"} <= {field.name for field in launch.body}
    assert launch.call.body is not None
    assert "sku" in launch.call.body
    shown = next(op for chapter in found for op in chapter.operations if op.anchor == "get_allocation")
    assert "steps[].state" in {field.name for field in shown.answer}


async def test_every_chapter_can_be_read(sign_in_as: SignIn) -> None:
    olga = await sign_in_as("olga", operator=True)
    for chapter in chapters(DESCRIPTION):
        answer = await olga.client.get(f"/developers/api/{chapter.name}")
        assert answer.status_code == 200, chapter.name
        assert all(op.path in answer.text for op in chapter.operations)


async def test_operators_chapters_are_not_shown_to_customers(sign_in_as: SignIn) -> None:
    ada = await sign_in_as("ada")
    assert "admin-nodes" not in (await ada.client.get("/developers")).text
    assert (await ada.client.get("/developers/api/admin-nodes")).status_code == 404
    assert (await ada.client.get("/developers/events")).status_code == 200
    assert "insufficient_credit" in (await ada.client.get("/developers/errors")).text
