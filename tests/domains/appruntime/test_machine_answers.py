"""What a machine says of its apps: a status that cannot be read says nothing of its app, and nothing of the others."""

import json
from types import SimpleNamespace
from uuid import uuid4

import pytest

from app.domains.appruntime.errors import MachineRefused
from app.domains.appruntime.gateway.machine import AppMachine

GOOD = {"app": "good", "alive": True, "known": True, "run": 1, "state": "running", "steps": []}
ODD: list[object] = [
    None,
    5,
    [],
    {},
    {**GOOD, "app": None},
    {**GOOD, "app": "odd", "alive": "perhaps"},
    {**GOOD, "app": "odd", "run": None},
    {**GOOD, "app": "odd", "state": {"x": 1}},
]
READ: list[dict[str, object]] = [
    {**GOOD, "app": "odd", "run": "2", "new": [[]]},
    {**GOOD, "app": "odd", "code": "?", "tail": 5, "steps": [{"key": None}], "log_end": None},
    {**GOOD, "app": "odd", "error": "e" * 10_000},
]


class Said:
    """A link whose every command answers this."""

    def __init__(self, output: bytes) -> None:
        self.output = output

    async def run(self, command: str, content: bytes = b"") -> bytes:
        return self.output


def machine(output: bytes) -> AppMachine:
    return AppMachine(Said(output))  # type: ignore[arg-type]


@pytest.mark.parametrize("odd", ODD, ids=str)
async def test_a_status_that_cannot_be_read_is_left_out(odd: object) -> None:
    found = await machine(json.dumps([odd, GOOD]).encode()).status(["odd", "good"])
    assert found.keys() == {"good"} and found["good"].alive


@pytest.mark.parametrize("status", READ, ids=lambda status: str(status)[-40:])
async def test_a_field_that_nothing_is_decided_on_counts_as_absent(status: dict[str, object]) -> None:
    found = await machine(json.dumps([status, GOOD]).encode()).status(["odd", "good"])
    assert found["odd"].alive and found["odd"].run == int(str(status["run"]))


@pytest.mark.parametrize("output", [b"", b"{", b"5", b"null", b"\xff", b'["\xff"', b"[" * 100_000])
async def test_an_answer_that_is_none_is_refused_in_words(output: bytes) -> None:
    with pytest.raises(MachineRefused):
        await machine(output).status(["good"])
    with pytest.raises(MachineRefused):
        await machine(output).log("good", 0, 10)


async def test_an_app_whose_status_cannot_be_read_has_not_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    from app.domains.appruntime.service import health

    ended = []

    async def on_machine(_machine: object, ask):  # type: ignore[no-untyped-def]
        return await ask(
            machine(json.dumps([{**GOOD, "app": "odd", "alive": None}, {**GOOD, "alive": False}]).encode())
        )

    async def tell_ended(_runtime: object, app: SimpleNamespace, _status: object) -> int:
        ended.append(app.handle)
        return 1

    monkeypatch.setattr(health, "links_of", lambda _runtime: SimpleNamespace(on_machine=on_machine))
    monkeypatch.setattr(health, "_fail_ended", tell_ended)
    apps = [SimpleNamespace(handle=handle, state="running", run=1) for handle in ("odd", "good")]
    assert await health.look_at(None, uuid4(), apps) == 1  # type: ignore[arg-type]
    assert ended == ["good"]
