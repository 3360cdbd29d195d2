"""What a command loads before it does anything, counted: start-up time is the modules that are read."""

import subprocess
import sys

import pytest

from tests.architecture.source import ROOT

HEAVY = {"sqlalchemy", "litestar", "msgspec", "jinja2", "structlog", "devstack", "workers", "httpx2", "click", "json"}
OF_CLIENT = HEAVY - {"httpx2", "click", "json"}


def loaded(*words: str) -> set[str]:
    """The modules that `berth WORDS` imports, Python's own start included."""
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "app.cli", *words],
        cwd=ROOT, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    timings = [line.rsplit("|", 1) for line in done.stderr.splitlines() if line.startswith("import time:")]
    return {name.strip() for _, name in timings}


def test_the_list_of_commands_loads_nothing_but_itself() -> None:
    modules = loaded("--help")
    assert {name for name in modules if name.startswith("app")} == {
        "app", "app.cli", "app.cli.client", "app.cli.client.exits", "app.cli.client.streams", "app.cli.exit_code",
    }  # fmt: skip
    assert not HEAVY & {name.partition(".")[0] for name in modules}
    assert len(modules) <= 60


@pytest.mark.parametrize("command", ["ls", "balance", "ssh"])
def test_a_command_loads_its_own_module_and_nothing_of_the_server(command: str) -> None:
    modules = loaded(command, "--help")
    assert not OF_CLIENT & {name.partition(".")[0] for name in modules}
    assert not {"app.cli.client.storage", "app.cli.client.admin", "app.settings"} & modules
    assert len(modules) <= 280
