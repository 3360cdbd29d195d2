"""Two days in the life of an operator: a new release beside the old one, and a backup that is put back."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx2
import pytest

from devstack.home import ROOT
from devstack.services import ports
from tests.faults.customer import _pay
from tests.faults.stack import until

if TYPE_CHECKING:
    from tests.faults.customer import Customer
    from tests.faults.stack import Stack

DRAIN_SECONDS = 2
PATIENCE_S = 90.0


class Release:
    """One more web process of the portal, as a rolling deploy starts it."""

    def __init__(self, stack: Stack) -> None:
        self.port = ports.claim()[0]
        settings = json.loads((stack.home / "env.json").read_text())
        extra = {"BERTH_PORT": str(self.port), "BERTH_DRAIN_SECONDS": str(DRAIN_SECONDS)}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "app.cli", "web"],
            cwd=ROOT, env={**os.environ, **settings, **extra}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        self.url = f"http://127.0.0.1:{self.port}"

    async def ready(self, client: httpx2.AsyncClient) -> bool:
        try:
            return (await client.get(f"{self.url}/readyz")).status_code == 200
        except httpx2.TransportError:
            return False


class Balancer:
    """What stands in front: it asks every process whether it is ready and sends requests to those that are."""

    def __init__(self, releases: list[Release], host: str) -> None:
        self.releases = releases
        self.host = host
        self.routed: list[Release] = []
        self.answers: list[int] = []
        self.closing = 0
        self.failures: list[str] = []

    async def probe(self, client: httpx2.AsyncClient) -> None:
        while True:
            self.routed = [release for release in self.releases if await release.ready(client)]
            await asyncio.sleep(0.1)

    async def client(self, token: str) -> None:
        """Requests one after the other over kept connections, to one process after the other."""
        headers = {"authorization": token, "host": self.host}
        async with httpx2.AsyncClient(headers=headers, trust_env=False, timeout=10) as client:
            number = 0
            while True:
                target = self.routed[number % len(self.routed)]
                number += 1
                try:
                    answer = await client.get(f"{target.url}/api/v1/allocations")
                except httpx2.TransportError as error:
                    self.failures.append(f"{target.port}: {error!r}")
                    continue
                self.answers.append(answer.status_code)
                self.closing += answer.headers.get("connection") == "close"


async def test_a_new_release_takes_over_without_a_lost_request(stack: Stack, customer: Customer) -> None:
    old, new = Release(stack), Release(stack)
    token = customer.program.headers["authorization"]
    balancer = Balancer([old, new], httpx2.URL(stack.url).netloc.decode())
    async with httpx2.AsyncClient(trust_env=False, timeout=5) as probe:
        for release in (old, new):
            await until(lambda release=release: release.ready(probe), PATIENCE_S, "the process is ready")
        balancer.routed = [old, new]
        tasks = [asyncio.create_task(balancer.probe(probe))]
        tasks += [asyncio.create_task(balancer.client(token)) for _ in range(4)]
        try:
            await until(lambda: _true(len(balancer.answers) > 40), PATIENCE_S, "the balancer is busy")
            old.process.send_signal(signal.SIGTERM)
            await until(lambda: _true(old.process.poll() is not None), PATIENCE_S, "the old process ends")
            enough = len(balancer.answers) + 40
            await until(lambda: _true(len(balancer.answers) > enough), PATIENCE_S, "the new process answers alone")
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            for release in (old, new):
                release.process.terminate()
                release.process.wait(20)
    assert balancer.failures == []
    assert set(balancer.answers) == {200}
    assert balancer.closing > 0  # while draining, every answer sent its connection away


async def _true(value: bool) -> bool:
    return value


@pytest.mark.last  # a restore takes everybody's present away
async def test_a_backup_comes_back_and_what_happened_since_is_told(
    stack: Stack, customer: Customer, tmp_path: Path
) -> None:
    before = await customer.balance()
    copy = tmp_path / "copy"
    assert stack.berth("backup", str(copy)).returncode == 0

    allocation = await customer.launch("cpu", "made-later")
    await _pay(customer.browser)

    async def has_deployed() -> bool:
        return bool((await customer.get(allocation))["state"] == "active")

    await until(has_deployed, PATIENCE_S, "the machine runs")
    assert _reconcile(stack) == (0, [])

    refused = stack.berth("restore", str(copy))
    assert refused.returncode == 1
    assert "--replace" in refused.stderr
    restored = stack.berth("restore", str(copy), "--replace")
    assert restored.returncode == 0, restored.stderr

    after = await customer.balance()
    assert after["available"] == before["available"]
    code, found = _reconcile(stack)
    assert code == 1
    assert sorted((item["where"], item["ours"]) for item in found) == [
        ("maas", "no deployment"),
        ("stripe", "no such payment"),
    ]
    assert stack.berth("ledger", "verify").returncode == 0

    (copy / "berth.dump").write_bytes((copy / "berth.dump").read_bytes()[:-1] + b"x")
    spoiled = stack.berth("restore", str(copy), "--replace")
    assert spoiled.returncode == 1
    assert "SHA-256" in spoiled.stderr


def _reconcile(stack: Stack) -> tuple[int, list[dict[str, Any]]]:
    answer = stack.berth("reconcile", "--json")
    report = json.loads(answer.stdout)
    assert report["ledger_ok"], answer.stdout
    return answer.returncode, report["differences"]
