"""The import contracts of pyproject.toml hold, and each kind of them is shown to break when somebody breaks it."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.architecture.source import ROOT

PLANTED = {
    "app/domains/probe_a/__init__.py": "",
    "app/domains/probe_a/repository.py": "import litestar\n",
    "app/domains/probe_a/public.py": "from app.domains.probe_b import public\n",
    "app/domains/probe_a/rules.py": "import app.shared.db\n",
    "app/domains/probe_a/workflows.py": "import httpx2\n",
    "app/domains/probe_a/jobs.py": "from app.domains.probe_a import models\n",
    "app/domains/probe_a/models.py": "",
    "app/domains/probe_a/handlers/__init__.py": "",
    "app/domains/probe_a/handlers/pages.py": "import sqlalchemy\nfrom app.domains.probe_a import repository\n",
    "app/domains/probe_a/helpers.py": "import aiosmtplib, boto3, asyncssh, nats, opentelemetry, stripe\n",
    "app/domains/probe_b/__init__.py": "",
    "app/domains/probe_b/service.py": "from app.domains.probe_a import repository\n",
    "app/domains/probe_b/public.py": "from app.domains.probe_a import public\n",
    "app/domains/probe_b/models.py": "from app.domains.probe_b import service\n",
    "app/shared/probe.py": "import app.domains.probe_b.contracts\nimport workers\n",
    "app/domains/probe_b/contracts.py": "",
    "app/web/probe.py": "import app.portal\n",
    "workers/probe.py": "import stripe\nimport devstack.services\n",
}
REPORTED = [
    "app.domains.probe_b.service -> app.domains.probe_a.repository",  # domains-meet-at-the-door
    "- .probe_a -> .probe_b",  # domains-acyclic
    "- app.domains.probe_a.helpers",  # rooms: a name outside the vocabulary
    "app.domains.probe_b.models -> app.domains.probe_b.service",  # rooms: upwards
    "app.shared.probe -> app.domains.probe_b.contracts",  # shared-knows-no-domain
    "app.shared.probe -> workers",
    "app.domains.probe_a.repository -> litestar",  # use-cases-know-no-web
    "app.web.probe -> app.portal",  # web-knows-no-domain
    "workers.probe -> devstack",  # product-knows-no-devstack
    "app.domains.probe_a.handlers.pages -> sqlalchemy",  # handlers-are-thin
    "app.domains.probe_a.handlers.pages -> app.domains.probe_a.repository",
    "app.domains.probe_a.jobs -> app.domains.probe_a.models",  # models-stay-in-their-domain
    "app.domains.probe_a.workflows -> httpx2",  # workflows-are-pure
    "app.domains.probe_a.rules -> app.shared.db",  # rules-are-pure
    "app.domains.probe_a.helpers -> stripe",  # door-stripe
    "workers.probe -> stripe",
    "app.domains.probe_a.helpers -> opentelemetry",  # door-traces
    "app.domains.probe_a.helpers -> boto3",  # door-s3
    "app.domains.probe_a.helpers -> aiosmtplib",  # door-smtp
    "app.domains.probe_a.helpers -> nats",  # door-nats
    "app.domains.probe_a.helpers -> asyncssh",  # door-ssh
]


def _lint(directory: Path) -> subprocess.CompletedProcess[str]:
    program = Path(sys.executable).parent / "lint-imports"
    return subprocess.run(
        [str(program), "--no-cache", "--no-logo"],
        cwd=directory,
        env={"PYTHONPATH": str(directory), "PATH": "/usr/bin:/bin", "COLUMNS": "300"},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def test_every_import_contract_is_kept() -> None:
    result = _lint(ROOT)
    assert result.returncode == 0, result.stdout + result.stderr
    assert "0 broken" in result.stdout


@pytest.fixture(scope="module")
def planted(tmp_path_factory: pytest.TempPathFactory) -> str:
    """What import-linter says about a copy of the product with every contract broken once."""
    copy = tmp_path_factory.mktemp("planted")
    shutil.copy(ROOT / "pyproject.toml", copy)
    for package in ("app", "workers"):
        unread = shutil.ignore_patterns("__pycache__", "static", "templates")
        shutil.copytree(ROOT / package, copy / package, ignore=unread)
    for path, text in PLANTED.items():
        (copy / path).parent.mkdir(parents=True, exist_ok=True)
        (copy / path).write_text(text)
    result = _lint(copy)
    assert result.returncode == 1, result.stdout + result.stderr
    return result.stdout


@pytest.mark.parametrize("line", REPORTED)
def test_a_planted_violation_is_reported(planted: str, line: str) -> None:
    assert line in planted


def test_every_contract_is_broken_by_the_plants(planted: str) -> None:
    assert " 0 kept" in planted, "a contract without a plant may be vacuous:\n" + planted
