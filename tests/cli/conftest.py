"""The command line against a running application: uvicorn on loopback, a simulated machine, `berth` as a process."""

import asyncio
import os
import pty
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import msgspec
import pytest
import uvicorn
from sqlalchemy import text

from app.cli.client import local
from app.cli.client.main import main
from app.domains.inventory.service.catalog import add_sku
from app.shared.authz.actor import SYSTEM
from devstack.simulators.nodes.testing import REPOSITORY, Bench
from tests.domains.provisioning.world import SKUS
from tests.domains.terminal.world import Machine, stock_machine

OF_TYPE = "UPDATE provisioning.allocations SET sku_id = (SELECT id FROM inventory.sku_catalog WHERE code = sku_code)"


@pytest.fixture(scope="session")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    bench = Bench(tmp_path_factory.mktemp("nodes"))
    bench.start()
    yield bench
    bench.stop()


@pytest.fixture
def listening() -> Iterator[socket.socket]:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        sock.listen(64)
        yield sock


@pytest.fixture
def settings(settings, listening: socket.socket, bench: Bench):
    """The public address is the test's own server; the authorities are the bench's."""
    settings.pki_dir.mkdir(exist_ok=True)
    for name, key in (("user_ca", bench.user_ca), ("host_ca", bench.host_ca)):
        (settings.pki_dir / name).write_bytes(key.export_private_key())
    replace = msgspec.structs.replace
    url = f"http://localhost:{listening.getsockname()[1]}"
    return replace(
        settings,
        web=replace(settings.web, public_url=url),
        maas=replace(settings.maas, node_ssh_port=bench.ssh_port),
    )


@pytest.fixture
async def server(runtime, listening: socket.socket) -> AsyncIterator[str]:
    """The whole application behind uvicorn; yields its address."""
    from tests.fixtures.app import create_app

    server = uvicorn.Server(
        uvicorn.Config(create_app(runtime), lifespan="off", log_config=None, timeout_graceful_shutdown=1)
    )
    server.install_signal_handlers = lambda: None  # type: ignore[attr-defined]
    task = asyncio.create_task(server.serve(sockets=[listening]))
    async with asyncio.timeout(10):
        while not server.started:  # noqa: ASYNC110 - uvicorn offers no event
            await asyncio.sleep(0.01)
    yield runtime.settings.web.public_url
    server.should_exit = True
    await task


@dataclass
class Terminal:
    """A `berth` that believes it talks to a person: standard streams are a pseudo-terminal."""

    process: asyncio.subprocess.Process
    master: int
    seen: str = ""

    async def until(self, words: str) -> str:
        """Read until `words` have been said."""
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(20):
            while words not in self.seen:
                try:
                    self.seen += (await loop.run_in_executor(None, os.read, self.master, 4096)).decode()
                except OSError:
                    break
        assert words in self.seen, self.seen
        return self.seen

    def type(self, text: str) -> None:
        os.write(self.master, text.encode())

    async def end(self) -> int:
        """The exit code, once it has said all."""
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(20):
            while True:
                try:
                    chunk = await loop.run_in_executor(None, os.read, self.master, 4096)
                except OSError:
                    break
                if not chunk:
                    break
                self.seen += chunk.decode()
            status = await self.process.wait()
        os.close(self.master)
        return status


@dataclass
class Berth:
    """The command of one person on one computer."""

    home: Path
    url: str
    env: dict[str, str] = field(default_factory=dict)

    @property
    def file(self) -> Path:
        return self.home / "berth/credentials.json"

    def environment(self, **more: str) -> dict[str, str]:
        kept = {name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ}
        own = {"XDG_CONFIG_HOME": str(self.home), "HOME": str(self.home), "BERTH_URL": self.url, "COLUMNS": "200"}
        return {**kept, **own, **self.env, **more}

    async def run(self, *words: str, given: str = "", **more: str) -> tuple[int, str, str]:
        """Exit code, standard output, standard error."""
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "app.cli", *words, cwd=REPOSITORY, env=self.environment(**more),
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip
        async with asyncio.timeout(30):
            out, err = await process.communicate(given.encode())
        return process.returncode or 0, out.decode(), err.decode()

    async def ok(self, *words: str, **more: str) -> str:
        status, out, err = await self.run(*words, **more)
        assert status == 0, err
        return out

    async def terminal(self, *words: str, **more: str) -> Terminal:
        """The same at a terminal."""
        master, slave = pty.openpty()
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "app.cli", *words, cwd=REPOSITORY, env=self.environment(TERM="xterm", **more),
            stdin=slave, stdout=slave, stderr=slave, start_new_session=True,
        )  # fmt: skip
        os.close(slave)
        return Terminal(process, master)


@pytest.fixture
def berth(tmp_path: Path, server: str) -> Berth:
    return Berth(tmp_path / "home", server)


@pytest.fixture
def sign_in_as(sign_in_as, settings):
    """Browsers know the site by the address of the test's own server."""

    async def at_our_server(name: str = "ada", **options: bool):
        person = await sign_in_as(name, **options)
        person.client.base_url = settings.web.public_url
        return person

    return at_our_server


async def allow(person, address: str, *, deny: bool = False) -> str:
    """What a person does in the browser with the address that `berth login` prints; the words they see last."""
    import html
    import re

    import httpx

    page = await person.client.get(address)
    assert page.status_code == 200, page.text
    fields = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', page.text))
    fields = {name: html.unescape(value) for name, value in fields.items()}
    if deny:
        location = html.unescape(re.search(r'href="(http://127[^"]+)"', page.text)[1])
    else:
        answer = await person.client.post("/oauth/authorize", data=fields, headers={"sec-fetch-site": "same-origin"})
        assert answer.status_code == 303, answer.text
        location = answer.headers["location"]
    async with httpx.AsyncClient(trust_env=False) as browser:
        return (await browser.get(location)).text


async def address_of(terminal: Terminal) -> str:
    """The whole address that `berth login` prints between two empty lines."""
    said = await terminal.until("code_challenge_method=S256\r\n")
    return next(word for word in said.split() if "/oauth/authorize?" in word)


async def sign_in_here(berth: Berth, person, monkeypatch: pytest.MonkeyPatch) -> None:
    """`berth login` in this process, with the person in the browser that it opens."""
    loop, opened = asyncio.get_running_loop(), asyncio.Future[str]()
    with monkeypatch.context() as patch:
        patch.setattr(local, "browse", lambda address: loop.call_soon_threadsafe(opened.set_result, address))
        for name, value in berth.environment().items():
            patch.setenv(name, value)
        command = asyncio.create_task(asyncio.to_thread(main, ["login"]))
        assert "You are signed in" in await allow(person, await opened)
        assert await command == 0


async def sign_in(berth: Berth, person) -> None:
    """`berth login` at a terminal, with the person in the browser."""
    terminal = await berth.terminal("login", "--no-browser")
    address = await address_of(terminal)
    assert "You are signed in" in await allow(person, address)
    assert await terminal.end() == 0, terminal.seen


@pytest.fixture
async def ada(berth: Berth, sign_in_as, monkeypatch: pytest.MonkeyPatch):
    """Ada, signed in at her command line."""
    person = await sign_in_as("ada")
    await sign_in_here(berth, person, monkeypatch)
    return person


@pytest.fixture
async def machine(runtime, bench: Bench, ada) -> AsyncIterator[Machine]:
    """An active machine of Ada's project."""
    async with runtime.context(SYSTEM) as ctx:
        await add_sku(ctx, SKUS[1])
    machine = await stock_machine(runtime, bench, ada)
    async with runtime.context(SYSTEM) as ctx:
        await ctx.session.execute(text(OF_TYPE))
    yield machine
    machine.remove()


@dataclass(frozen=True)
class Here:
    """Commands in this process, which is faster than a process each."""

    capsys: pytest.CaptureFixture[str]

    async def __call__(self, words: str) -> tuple[int, str, str]:
        """Exit code, standard output, standard error."""
        self.capsys.readouterr()
        status = await asyncio.to_thread(main, words.split())
        said = self.capsys.readouterr()
        lines = [line for line in said.out.splitlines(keepends=True) if not line.startswith("level=")]
        return status, "".join(lines), said.err

    async def ok(self, words: str) -> str:
        """Standard output of a command that succeeds."""
        status, out, err = await self(words)
        assert status == 0, err
        return out


@pytest.fixture
def here(berth: Berth, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Here:
    """What `berth` runs for the person of this test, without a process."""
    for name, value in berth.environment().items():
        monkeypatch.setenv(name, value)
    return Here(capsys)
