"""A client that openapi-python-client makes from the committed description rents a machine and gives it back.

Nothing is left out of it (the generator warns of what it cannot read), and what it gets are its own types.
"""

import asyncio
import os
import subprocess
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from tests.domains.auth.test_tokens import _credentials, _token
from tests.domains.provisioning.world import PATIENCE_S, World, provisioner, small_cloud

COMMITTED = Path(__file__).resolve().parents[2] / "docs" / "openapi.json"
NAME = "berth_client_made"
BIN = Path(sys.executable).parent


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The folder of the client's package, which can be imported meanwhile."""
    folder = tmp_path_factory.mktemp("client")
    done = subprocess.run(
        [BIN / "openapi-python-client", "generate", "--path", COMMITTED, "--output-path", folder / NAME,
         "--meta", "none", "--fail-on-warning"],
        check=False, capture_output=True, text=True, env={**os.environ, "PATH": f"{BIN}:{os.environ['PATH']}"},
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert "warning" not in done.stdout.lower() + done.stderr.lower(), done.stdout + done.stderr
    sys.path.insert(0, str(folder))
    yield folder / NAME
    sys.path.remove(str(folder))


def model(name: str) -> Any:
    return getattr(import_module(f"{NAME}.models"), name)


async def call(client: Any, operation: str, *path: object, key: str = "", **fields: Any) -> Any:
    """What the operation `chapter.name` answered, read by the client."""
    more = {"x_idempotency_key": key} if key else {}
    return await import_module(f"{NAME}.api.{operation}").asyncio(*path, client=client, **more, **fields)


async def until_active(world: World, client: Any, machine: Any) -> Any:
    async with asyncio.timeout(PATIENCE_S):
        while (seen := await call(client, "allocations.get_allocation", machine)).state != "active":
            assert seen.ended_at is None, seen
            await world.drain()
            await asyncio.sleep(0.05)
    return seen


class Typo:
    """A body of somebody's own making."""

    def to_dict(self) -> dict[str, object]:
        return {"sku": "l40sx4", "gpu": 2}


def launch_body(**fields: Any) -> Any:
    return model("LaunchBody")(**{"sku": "l40sx4", "image": "ubuntu-24.04", "name": "made-07", **fields})


@pytest.mark.commits
async def test_a_generated_client_launches_and_releases(
    runtime, server, client, sign_in_as, temporal_server, tmp_path, made
) -> None:
    ada = await sign_in_as("ada")
    ada.client.base_url = client.base_url = server
    token = await _token(client, *await _credentials(ada))
    program = import_module(NAME).AuthenticatedClient(base_url=server, token=token, raise_on_unexpected_status=True)
    async with small_cloud(runtime, tmp_path) as world, program:
        await world.stock(of=ada.actor)
        async with provisioner(world, temporal_server.url):
            await _life(world, program)
    assert (await world.counts())["held"] == 0


async def _life(world: World, program: Any) -> None:
    skus, images = await call(program, "skus.list_skus"), await call(program, "images.list_images")
    assert "l40sx4" in {sku.code for sku in skus}
    assert {image.code for image in images} == {"ubuntu-24.04", "ubuntu-22.04"}
    launch = "allocations.launch_allocation"
    forecast = await call(program, launch, key="look", body=launch_body(dry_run=True))
    assert type(forecast) is model("Forecast")
    launched = await call(program, launch, key="rent", body=launch_body())
    assert type(launched) is model("ProvisioningLaunched")
    assert (launched.name, launched.rate_micro) == ("made-07", forecast.rate_micro)
    again = await call(program, launch, key="rent", body=launch_body())
    assert again.allocation_id == launched.allocation_id
    active = await until_active(world, program, launched.allocation_id)
    assert active.name == "made-07"
    released = await call(program, "allocations.release_allocation", launched.allocation_id, key="back")
    assert type(released) is model("Changed")
    await world.drain()
    await world.until(launched.allocation_id, "released")
    receipt = await call(program, "allocations.get_receipt", launched.allocation_id)
    assert (receipt.allocation_id, receipt.currency) == (launched.allocation_id, "USD")
    await _refusals(program, launched.allocation_id)


async def _refusals(program: Any, machine: Any) -> None:
    launch = "allocations.launch_allocation"
    fields = {
        "gpu": await call(program, launch, key="typo", body=Typo()),
        "sku": await call(program, launch, key="sku", body=launch_body(sku="nothing")),
        "image": await call(program, launch, key="image", body=launch_body(image="nothing")),
        "gpus": await call(program, launch, key="gpus", body=launch_body(gpus=0)),
    }
    for name, refusal in fields.items():
        assert type(refusal) is model("Error"), name
        assert refusal.error.code == "validation_error", (name, refusal)
        assert list(refusal.error.details.fields.additional_properties) == [name]
    other = await call(program, "allocations.get_allocation", "00000000-0000-0000-0000-000000000001")
    assert (type(other), other.error.retryable) == (model("Error"), False)
    late = await call(program, "allocations.release_allocation", machine, key="late")
    assert type(late) in (model("Error"), model("Changed"))
