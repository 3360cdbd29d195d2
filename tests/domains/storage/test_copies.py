"""Copy to machine: a real SSH server, a real shell, the bytes compared at both ends."""

from __future__ import annotations

import msgspec
import pytest

from devstack.simulators.nodes.testing import Bench
from tests.domains.terminal.world import stock_machine

MIB = 1 << 20


@pytest.fixture(scope="session")
def bench(tmp_path_factory: pytest.TempPathFactory):
    bench = Bench(tmp_path_factory.mktemp("nodes"))
    bench.start()
    yield bench
    bench.stop()


@pytest.fixture
def settings(settings, bench: Bench):
    settings.pki_dir.mkdir(exist_ok=True)
    for name, key in (("user_ca", bench.user_ca), ("host_ca", bench.host_ca)):
        (settings.pki_dir / name).write_bytes(key.export_private_key())
    maas = msgspec.structs.replace(settings.maas, node_ssh_port=bench.ssh_port)
    return msgspec.structs.replace(settings, maas=maas)


@pytest.fixture
async def machine(runtime, bench: Bench, shelf):
    machine = await stock_machine(runtime, bench, shelf.browser)
    yield machine
    machine.remove()


async def ask(shelf, machine, object_id: str, target: str = "") -> dict:
    body = {"object_id": object_id, "allocation_id": str(machine.id), "target": target}
    answer = await shelf.browser.post_json("/api/v1/storage/copies", body)
    assert answer.status_code == 202, answer.text
    return answer.json()


async def run(shelf, copy: dict) -> dict:
    from uuid import UUID

    from app.domains.storage.service.copies import run

    await run(shelf.runtime, UUID(copy["id"]))
    return (await shelf.get(f"/api/v1/storage/copies/{copy['id']}")).json()


async def test_a_file_arrives_whole_under_the_name_that_was_asked_for(shelf, machine, bench) -> None:
    data = bytes(range(256)) * (9 * MIB // 256)
    file = await shelf.put("sets/train.bin", data)
    first = await ask(shelf, machine, file)
    assert (first["state"], first["target"], first["machine"]) == ("waiting", "train.bin", "train-07")
    done = await run(shelf, first)
    assert (done["state"], done["done"], done["problem"]) == ("active", len(data), None)
    odd = await run(shelf, await ask(shelf, machine, file, "~/in here/$(touch x) ' `y`.bin"))
    assert odd["state"] == "active"
    homes = list(bench.folder.rglob("train.bin"))
    assert [path.read_bytes() == data for path in homes] == [True]
    home = homes[0].parent
    assert (home / "in here" / "$(touch x) ' `y`.bin").read_bytes() == data
    assert not [path for path in home.rglob("*") if path.name == "x" or path.name.endswith(".berth-part")]
    assert (await run(shelf, first))["state"] == "active"  # the job came twice
    shown = (await shelf.browser.client.get(f"/machines/{machine.id}/files")).text
    assert "sets/train.bin" in shown and "both ends compared" in shown


async def test_what_cannot_be_is_said_in_words(shelf, machine) -> None:
    file = await shelf.put("a.txt", b"a")
    for target in ("../../etc/passwd", "a/../b", "x\ny"):
        body = {"object_id": file, "allocation_id": str(machine.id), "target": target}
        assert (await shelf.browser.post_json("/api/v1/storage/copies", body)).status_code == 422
    refused = await run(shelf, await ask(shelf, machine, file, "/proc/nowhere"))
    assert refused["state"] == "failed" and "could not write it" in refused["problem"]
    waiting = await ask(shelf, machine, file)
    await machine.set_state("releasing")
    ended = await run(shelf, waiting)
    assert (ended["state"], ended["problem"]) == ("failed", "The machine was released.")


async def test_other_bytes_in_the_store_are_never_left_on_a_machine(shelf, machine, bench) -> None:
    from app.domains.storage.gateway.s3 import Bucket

    file = await shelf.put("w.bin", b"w" * 1000)
    bucket = shelf.runtime.part(Bucket)
    await bucket._call("put_object", Key=shelf.key(file), Body=b"v" * 1000)
    ended = await run(shelf, await ask(shelf, machine, file))
    assert ended["state"] == "failed" and "differ from what was uploaded" in ended["problem"]
    assert not list(bench.folder.rglob("w.bin"))


async def test_a_copy_whose_worker_died_ends(shelf, machine, runtime) -> None:
    from datetime import UTC, datetime, timedelta

    from sqlalchemy import text

    from app.domains.storage.service.expiry import sweep
    from app.shared.clock import FixedClock

    copy = await ask(shelf, machine, await shelf.put("a.txt", b"a"))
    async with runtime.context(shelf.browser.actor) as ctx:
        await ctx.session.execute(text("UPDATE storage.storage_copies SET state = 'in_progress'"))
    runtime.clock = FixedClock(datetime.now(UTC) + timedelta(minutes=5))
    await sweep(runtime)
    ended = (await shelf.get(f"/api/v1/storage/copies/{copy['id']}")).json()
    assert (ended["state"], ended["problem"]) == ("failed", "It was interrupted. Start the copy again.")
