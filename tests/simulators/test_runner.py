"""The runner and the fault switch, as the dev stack uses them."""

import asyncio
import json
import os
import signal
import sys
from pathlib import Path

import httpx2
import pytest

from devstack.simulators.faults import Faults, seconds

ROOT = Path(__file__).parents[2]


def config_file(folder: Path) -> Path:
    file = folder / "simulators.json"
    config = {
        "data_dir": str(folder / "data"),
        "fleet": 24,
        "public_url": "http://localhost:8000",
        "stripe": {"port": 0, "secret_key": "sk_test_x", "webhook_secret": "whsec_x", "webhook_url": ""},
        "oidc": {"port": 0, "client_id": "berth", "client_secret": "s", "redirect_uri": "http://localhost:8000/cb"},
    }
    file.write_text(json.dumps(config))
    return file


async def test_one_process_serves_all_and_stops_when_told(tmp_path: Path) -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "devstack.simulators", "--config", str(config_file(tmp_path))),
        cwd=ROOT,
        env={**os.environ, "PYTHONWARNINGS": "error::ResourceWarning"},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        assert process.stdout is not None
        async with asyncio.timeout(15), httpx2.AsyncClient(trust_env=False) as client:
            for name in ("stripe", "oidc"):
                line = (await process.stdout.readline()).decode().split()
                assert line[:3] == [name, "ready", "on"]
                assert (await client.get(f"{line[3]}/healthz")).text == "ok"
        process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(8):
            _, errors = await process.communicate()
        assert process.returncode == 0
        assert b"Traceback" not in errors
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    assert (tmp_path / "data" / "stripe").stat().st_mode & 0o777 == 0o700


def test_a_fault_strikes_as_often_as_it_says_and_survives_a_restart(tmp_path: Path) -> None:
    faults = Faults(tmp_path)
    faults.put("deploy_fails", {"count": 2, "machine": "node-03", "seconds": 7})
    assert faults.take("deploy_fails", machine="node-01") is None
    spec = faults.take("deploy_fails", machine="node-03")
    assert spec is not None
    assert seconds(spec, 1.0) == 7.0
    again = Faults(tmp_path)
    assert again.peek("deploy_fails", machine="node-03") is not None
    assert again.take("deploy_fails", machine="node-03") is not None
    assert again.take("deploy_fails", machine="node-03") is None
    assert Faults(tmp_path).active == {}


def test_a_fault_without_end_stays_until_it_is_removed(tmp_path: Path) -> None:
    faults = Faults(tmp_path)
    faults.put("down", {"count": None})
    assert all(faults.take("down") for _ in range(5))
    faults.remove("down")
    faults.remove("down")
    assert faults.take("down") is None


@pytest.mark.parametrize("count", [0, -1, True, "2", 1.5])
def test_a_senseless_count_is_refused(tmp_path: Path, count: object) -> None:
    with pytest.raises(ValueError, match="count"):
        Faults(tmp_path).put("down", {"count": count})
