"""Canonical's own client, python-libmaas, lives a machine's life against the simulator, in an environment of its own.

It wants older libraries than ours, so it is installed beside them; without a package index the test says so.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.simulators.maas_world import OUR_KEY, served_region

CLIENT = "python-libmaas==0.6.8"
SCRIPT = Path(__file__).with_name("libmaas_whole.py")


@pytest.fixture(scope="module")
def libmaas(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The Python that has it."""
    folder = tmp_path_factory.mktemp("libmaas") / "venv"
    subprocess.run([sys.executable, "-m", "venv", folder], check=True, capture_output=True)
    python = folder / "bin" / "python"
    done = subprocess.run([python, "-m", "pip", "install", "-q", CLIENT], check=False, capture_output=True, text=True)
    if done.returncode:
        pytest.skip(f"{CLIENT} cannot be installed here: {done.stderr.strip().splitlines()[-1:]}")
    return python


@pytest.mark.slow
async def test_canonicals_client_passes_whole(libmaas: Path, tmp_path: Path) -> None:
    async with served_region(tmp_path) as maas:
        client = await asyncio.create_subprocess_exec(
            libmaas, SCRIPT, f"{maas.url}/", OUR_KEY, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
        )
        answer, errors = await asyncio.wait_for(client.communicate(), 60)
    assert client.returncode == 0, errors.decode()
    done = json.loads(answer)
    assert (done["machines"], done["fabrics"], done["deployed"], done["released"]) == (25, 1, "Deployed", "Ready")
