"""Own keys and certificates on a machine, tried with OpenSSH's own `ssh` against a simulated machine."""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from uuid import UUID

import asyncssh
import pytest
from sqlalchemy import text

from app.domains.auth.service import team
from app.domains.auth.service.team import RemoveMember, SetRole
from app.domains.billing import domain as billing
from app.domains.provisioning import domain as provisioning
from app.domains.provisioning.service import access
from app.domains.releases import domain as releases
from app.domains.releases.service import changes
from app.shared.authz.actor import SYSTEM
from devstack.simulators.nodes.testing import Bench
from tests.domains.auth.world import join, refresh
from tests.domains.terminal.world import Machine, stock_machine
from tests.fixtures.drain import drain, run_cron

pytestmark = [pytest.mark.anyio, pytest.mark.commits]
DOMAINS = [releases.DOMAIN, provisioning.DOMAIN, billing.DOMAIN]


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    bench = Bench(tmp_path_factory.mktemp("nodes"))
    bench.start()
    yield bench
    bench.stop()


@pytest.fixture
def settings(settings, bench: Bench):
    import msgspec

    settings.pki_dir.mkdir(exist_ok=True)
    for name, key in (("user_ca", bench.user_ca), ("host_ca", bench.host_ca)):
        (settings.pki_dir / name).write_bytes(key.export_private_key())
    return msgspec.structs.replace(settings, maas=msgspec.structs.replace(settings.maas, node_ssh_port=bench.ssh_port))


@dataclass
class Person:
    """Somebody with a key file, as ssh wants it."""

    browser: object
    folder: Path
    key_id: str = ""
    files: dict[str, Path] = field(default_factory=dict)

    def keygen(self, name: str = "id") -> str:
        path = self.folder / name
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", name, "-f", path], check=True)
        self.files[name] = path
        return self.public_key(name)

    def public_key(self, name: str = "id") -> str:
        return Path(f"{self.files[name]}.pub").read_text()

    async def register(self, name: str = "id") -> str:
        answer = await self.browser.post_json("/api/v1/ssh-keys", {"public_key": self.keygen(name)})
        assert answer.status_code == 201, answer.text
        return answer.json()["id"]

    async def delete(self, path: str):
        headers = {"sec-fetch-site": "same-origin", "x-csrftoken": self.browser.csrf, "x-idempotency-key": path}
        return await self.browser.client.delete(path, headers=headers)


@dataclass
class Place:
    """A machine as ssh is told to reach it."""

    bench: Bench
    machine: Machine
    folder: Path
    alias: str = "train-07"
    host_ca: str = ""

    async def start(self, key: Path, *options: str, command: str = "echo in") -> asyncio.subprocess.Process:
        """OpenSSH's client on its way to the machine."""
        known = self.folder / "known"
        known.write_text(f"@cert-authority {self.alias} {self.host_ca}\n")
        words = [
            "ssh", "-F", "none", "-T", "-p", str(self.bench.ssh_port), "-i", str(key), *options,
            "-o", "IdentitiesOnly=yes", "-o", "IdentityAgent=none", "-o", "BatchMode=yes",
            "-o", f"HostKeyAlias={self.alias}", "-o", f"UserKnownHostsFile={known}", "-o", "GlobalKnownHostsFile=none",
            "-o", "StrictHostKeyChecking=yes", "-o", "ConnectTimeout=5", f"ada@{self.bench.address}", command,
        ]  # fmt: skip
        return await asyncio.create_subprocess_exec(
            *words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )

    async def ssh(self, key: Path, *options: str, command: str = "echo in") -> tuple[int, str]:
        """Exit status and all that was said. 255 is ssh's own failure."""
        process = await self.start(key, *options, command=command)
        said, _ = await process.communicate()
        return process.returncode or 0, said.decode()


@pytest.fixture
async def ada(sign_in_as, tmp_path: Path) -> Person:
    return Person(await sign_in_as("ada"), tmp_path)


@pytest.fixture
async def place(runtime, bench: Bench, ada: Person, tmp_path: Path) -> AsyncIterator[Place]:
    machine = await stock_machine(runtime, bench, ada.browser)
    yield Place(bench, machine, tmp_path, host_ca=bench.host_ca.export_public_key().decode().strip())
    machine.remove()


async def attach(ada: Person, place: Place, key_id: str):
    return await ada.browser.post_json(f"/api/v1/allocations/{place.machine.id}/ssh-keys", {"key_id": key_id})


async def states(ada: Person, place: Place) -> dict[str, str]:
    answer = await ada.browser.client.get(f"/api/v1/allocations/{place.machine.id}/ssh-keys")
    return {item["name"]: item["state"] for item in answer.json()["items"]}


async def test_an_attached_key_opens_the_machine_until_it_is_detached(runtime, ada: Person, place: Place) -> None:
    key_id = await ada.register()
    assert (await place.ssh(ada.files["id"]))[0] == 255
    assert (await attach(ada, place, key_id)).status_code == 202
    assert await states(ada, place) == {"id": "pending"}
    await drain(runtime, DOMAINS)
    assert await states(ada, place) == {"id": "attached"}
    assert await place.ssh(ada.files["id"]) == (0, "in\n")
    page = (await ada.browser.client.get(f"/machines/{place.machine.id}/connect")).text
    assert "attached" in page
    assert "berth ssh train-07" in page
    assert (await ada.delete(f"/api/v1/allocations/{place.machine.id}/ssh-keys/{key_id}")).status_code == 202
    await drain(runtime, DOMAINS)
    assert await states(ada, place) == {}
    status, said = await place.ssh(ada.files["id"])
    assert status == 255
    assert "Permission denied (publickey)" in said


async def test_revoking_a_key_ends_the_connection_that_it_made_and_no_other(runtime, ada: Person, place: Place) -> None:
    for name in ("lost", "kept"):
        await attach(ada, place, await ada.register(name))
    await drain(runtime, DOMAINS)
    running = {name: await place.start(ada.files[name], command="echo in; sleep 60") for name in ada.files}
    for process in running.values():
        assert await process.stdout.readline() == b"in\n"
    keys = (await ada.browser.client.get("/api/v1/ssh-keys")).json()["items"]
    lost = next(key["id"] for key in keys if key["name"] == "lost")
    assert (await ada.browser.post(f"/settings/keys/{lost}/revoke")).status_code == 303
    await drain(runtime, DOMAINS)
    async with asyncio.timeout(5):
        assert await running["lost"].wait() == 255
    assert running["kept"].returncode is None
    assert (await place.ssh(ada.files["lost"]))[0] == 255
    assert await place.ssh(ada.files["kept"]) == (0, "in\n")
    running["kept"].kill()
    await running["kept"].wait()


async def test_a_certificate_opens_the_machine_for_its_minutes_with_the_host_checked(
    runtime, ada: Person, place: Place
) -> None:
    public_key = ada.keygen()
    path = f"/api/v1/allocations/{place.machine.id}/ssh-certificates"
    answer = await ada.browser.post_json(path, {"public_key": public_key})
    assert answer.status_code == 201, answer.text
    said = answer.json()
    assert (said["host"], said["port"], said["login"]) == (place.bench.address, place.bench.ssh_port, "ada")
    assert said["known_hosts"].startswith(f"@cert-authority {said['host_key_alias']} ssh-ed25519 ")
    place.host_ca = said["known_hosts"].split(" ", 2)[2]
    certificate = place.folder / "certificate"
    certificate.write_text(said["certificate"] + "\n")
    options = ("-o", f"CertificateFile={certificate}")
    assert await place.ssh(ada.files["id"], *options) == (0, "in\n")
    ada.keygen("other")
    assert (await place.ssh(ada.files["other"], *options))[0] == 255  # the certificate is worth nothing without its key
    place.host_ca = asyncssh.generate_private_key("ssh-ed25519").export_public_key().decode().strip()
    status, why = await place.ssh(ada.files["id"], *options)
    assert (status, "Host key verification failed" in why) == (255, True)


@pytest.mark.parametrize("whole", [True, False])
async def test_a_certificate_forwards_on_a_machine_rented_whole_and_on_no_slice(
    runtime, ada: Person, place: Place, whole: bool
) -> None:
    if not whole:
        async with runtime.context(SYSTEM) as ctx:
            words = "UPDATE provisioning.allocations SET whole = false, slots = 1, gpus = 1 WHERE id = :id"
            await ctx.session.execute(text(words), {"id": place.machine.id})
    path = f"/api/v1/allocations/{place.machine.id}/ssh-certificates"
    answer = await ada.browser.post_json(path, {"public_key": ada.keygen()})
    options = dict(asyncssh.import_certificate(answer.json()["certificate"]).options)
    forwards = {"permit-port-forwarding": True, "permit-agent-forwarding": True}
    assert options == {"permit-pty": True} | (forwards if whole else {})
    page = (await ada.browser.client.get(f"/machines/{place.machine.id}/connect")).text
    assert ("without a password" in page) is whole
    assert ("nothing is forwarded" in page) is not whole


async def test_a_registered_key_counts_as_used_when_it_is_certified(ada: Person, place: Place) -> None:
    key_id = await ada.register()
    public_key = ada.public_key()
    path = f"/api/v1/allocations/{place.machine.id}/ssh-certificates"
    assert (await ada.browser.post_json(path, {"public_key": public_key})).status_code == 201
    key = (await ada.browser.client.get(f"/api/v1/ssh-keys/{key_id}")).json()
    assert key["last_used_at"] is not None
    weak = await ada.browser.post_json(path, {"public_key": "ssh-dss AAAA"})
    assert (weak.status_code, weak.json()["error"]["code"]) == (422, "ssh_key_refused")


async def test_the_ssh_configuration_of_the_page_works_with_an_attached_key(runtime, ada: Person, place: Place) -> None:
    await attach(ada, place, await ada.register())
    await drain(runtime, DOMAINS)
    from app.domains.provisioning.schemas.connect import ssh_config

    async with runtime.context(ada.browser.actor) as ctx:
        found = await access.connection(ctx, place.machine.id)
    config = place.folder / "config"
    config.write_text(ssh_config("train-07", found.target, found.known_hosts))
    words = ["ssh", "-F", config, "-T", "-i", ada.files["id"], "-o", "BatchMode=yes", "train-07", "echo in"]
    done = await asyncio.to_thread(subprocess.run, words, capture_output=True, text=True, timeout=20)
    assert (done.returncode, done.stdout) == (0, "in\n"), done.stderr
    stranger = asyncssh.generate_private_key("ssh-ed25519").export_public_key().decode().split()[1]
    config.write_text(config.read_text().replace(found.known_hosts.split()[3], stranger))
    done = await asyncio.to_thread(subprocess.run, words, capture_output=True, text=True, timeout=20)
    assert done.returncode == 255


async def test_the_machine_says_when_a_key_was_used(runtime, ada: Person, place: Place) -> None:
    key_id = await ada.register()
    await attach(ada, place, key_id)
    await drain(runtime, DOMAINS)
    assert (await ada.browser.client.get(f"/api/v1/ssh-keys/{key_id}")).json()["last_used_at"] is None
    assert (await place.ssh(ada.files["id"]))[0] == 0
    await run_cron(runtime, DOMAINS, "provisioning.watch_access")
    assert (await ada.browser.client.get(f"/api/v1/ssh-keys/{key_id}")).json()["last_used_at"] is not None
    assert "no use known" not in (await ada.browser.client.get(f"/machines/{place.machine.id}/connect")).text


async def test_a_machine_that_does_not_answer_is_told_and_asked_again(runtime, ada: Person, place: Place) -> None:
    place.machine.remove()
    await attach(ada, place, await ada.register())
    await drain(runtime, DOMAINS)
    assert await states(ada, place) == {"id": "failed"}
    page = (await ada.browser.client.get(f"/machines/{place.machine.id}/connect")).text
    assert "not attached yet" in page
    assert "does not answer" in page
    async with runtime.context(SYSTEM) as ctx:
        due = "SELECT count(*) FROM shared.outbox_events WHERE name = :job AND published_at IS NULL AND due_at > now()"
        assert await ctx.session.scalar(text(due), {"job": changes.KEYS_JOB}) == 1


async def test_keys_of_somebody_else_are_not_there_and_a_machine_that_does_not_run_takes_none(
    sign_in_as, ada: Person, place: Place
) -> None:
    ben = Person(await sign_in_as("ben"), place.folder)
    foreign = await ben.register("ben")
    assert (await attach(ada, place, foreign)).status_code == 422
    own = await ada.register()
    assert (await attach(ben, place, foreign)).status_code == 404
    await place.machine.set_state("releasing")
    refused = await attach(ada, place, own)
    assert (refused.status_code, refused.json()["error"]["code"]) == (409, "allocation_not_active")


async def certify(person: Person, place: Place, name: str) -> tuple[Path, tuple[str, str]]:
    """A key of theirs and the options by which ssh shows its certificate."""
    public_key = person.keygen(name)
    path = f"/api/v1/allocations/{place.machine.id}/ssh-certificates"
    answer = await person.browser.post_json(path, {"public_key": public_key})
    assert answer.status_code == 201, answer.text
    certificate = place.folder / f"{name}-signed"
    certificate.write_text(answer.json()["certificate"] + "\n")
    return person.files[name], ("-o", f"CertificateFile={certificate}")


async def enter(place: Place, key: Path, *options: str) -> asyncio.subprocess.Process:
    """A session that stays."""
    process = await place.start(key, *options, command="echo in; sleep 60")
    assert await process.stdout.readline() == b"in\n"
    return process


@pytest.fixture
async def ben(runtime, sign_in_as, ada: Person, place: Place) -> Person:
    """He is of Ada's organisation, and of her project besides."""
    ben = await sign_in_as("ben")
    await join(runtime, ada.browser, ben, "tenant_member")
    await set_role(runtime, ada, ben.actor.id, "project_member")
    return Person(await refresh(runtime, ben), place.folder)


async def set_role(runtime, ada: Person, user_id: UUID, role: str | None) -> None:
    """In her project; None takes it."""
    async with runtime.context(ada.browser.actor) as ctx:
        await team.set_role(ctx, SetRole(user_id=user_id, role=role, project_id=ada.browser.actor.project_id))


async def test_one_role_less_takes_no_key_and_no_session_while_another_still_lets_in(
    runtime, ada: Person, ben: Person, place: Place
) -> None:
    await attach(ben, place, await ben.register("bens"))
    await drain(runtime, DOMAINS)
    key, options = await certify(ben, place, "certified")
    session = await enter(place, key, *options)
    await set_role(runtime, ada, ben.browser.actor.id, None)
    assert "releases.entry.ended" not in (await drain(runtime, DOMAINS)).events
    assert await states(ada, place) == {"bens": "attached"}
    assert await place.ssh(ben.files["bens"]) == (0, "in\n")
    assert session.returncode is None
    session.kill()
    await session.wait()


async def test_who_may_not_log_in_any_more_loses_keys_and_sessions_and_others_of_the_login_do_not(
    runtime, ada: Person, ben: Person, place: Place
) -> None:
    await attach(ben, place, await ben.register("bens"))
    await attach(ada, place, await ada.register("adas"))
    await drain(runtime, DOMAINS)
    entered = {}
    for person, name in ((ada, "hers"), (ben, "his")):
        key, options = await certify(person, place, name)
        entered[name] = (await enter(place, key, *options), key, options)
    plain = await enter(place, ben.files["bens"])
    async with runtime.context(ada.browser.actor) as ctx:
        await team.remove_member(ctx, RemoveMember(user_id=ben.browser.actor.id))
    await drain(runtime, DOMAINS)
    async with asyncio.timeout(5):
        assert await entered["his"][0].wait() == 255
        assert await plain.wait() == 255
    assert entered["hers"][0].returncode is None
    assert await states(ada, place) == {"adas": "attached"}
    assert (await place.ssh(ben.files["bens"]))[0] == 255
    # His certificate has minutes left, and opens nothing any more; hers does.
    assert (await place.ssh(entered["his"][1], *entered["his"][2]))[0] == 255
    assert await place.ssh(entered["hers"][1], *entered["hers"][2]) == (0, "in\n")
    assert await waiting_endings(runtime) == []
    assert entered["hers"][0].returncode is None
    entered["hers"][0].kill()
    await entered["hers"][0].wait()


async def test_a_machine_that_does_not_answer_is_asked_again_to_end_sessions(
    runtime, ada: Person, ben: Person, place: Place
) -> None:
    await certify(ben, place, "his")
    place.machine.remove()
    async with runtime.context(ada.browser.actor) as ctx:
        await team.remove_member(ctx, RemoveMember(user_id=ben.browser.actor.id))
    await drain(runtime, DOMAINS)
    assert [row["tries"] for row in await waiting_endings(runtime)] == [2]
    await run_cron(runtime, DOMAINS, "releases.watch_rights")
    assert len(await waiting_endings(runtime)) == 1  # what ended is not told twice


async def waiting_endings(runtime) -> list[dict[str, object]]:
    """Machines that have not been told of certificates that ended."""
    due = "SELECT payload FROM shared.outbox_events WHERE name = :job AND published_at IS NULL AND due_at > now()"
    async with runtime.context(SYSTEM) as ctx:
        return list(await ctx.session.scalars(text(due), {"job": changes.CERTIFICATES_JOB}))
