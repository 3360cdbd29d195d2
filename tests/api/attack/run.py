"""One run of schemathesis: in a process of its own, with all of its checks, and what it says afterwards."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[3]
SEED = int(os.environ.get("BERTH_API_SEED", "20"))
SETTINGS = """
[checks]
# A schema cannot say which ids exist and what a policy allows: tests/api/attack/checks.py says which fields those are.
positive_data_acceptance.enabled = false
# It wants two accounts of one kind and guesses whose a thing is; tests/rights asks who may see what, of every route.
object_level_authorization.enabled = false

[[operations]]
# The machine behind the app of the recipe does not exist, so that it does not answer.
include-path = "/api/v1/apps/{app_id}/logs"
checks.not_a_server_error.expected-statuses = ["2xx", "3xx", "4xx", 503]
"""


@dataclass
class Report:
    """What was tried and what failed."""

    status: int
    said: str
    operations: set[str] = field(default_factory=set)
    cases: int = 0
    checks: Counter[str] = field(default_factory=Counter)
    failures: list[str] = field(default_factory=list)


async def attack(description: Path, server: str, token: str, *words: str) -> Report:
    """Every operation of the description, as the holder of the token."""
    folder = description.parent
    (folder / "schemathesis.toml").write_text(SETTINGS)
    events = folder / "events.ndjson"
    process = await asyncio.create_subprocess_exec(
        Path(sys.executable).parent / "schemathesis", "--config-file", folder / "schemathesis.toml",
        "run", description, "--url", server, "--header", f"Authorization: Bearer {token}", "--seed", str(SEED),
        "--no-shrink", "--generation-database", "none", "--request-timeout", "30", "--report", "ndjson",
        "--report-ndjson-path", events, "--continue-on-failure", "--no-color", "--warnings", "off",
        "--suppress-health-check", "all", *words,
        cwd=folder, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
        env={**os.environ, "PYTHONPATH": str(ROOT), "SCHEMATHESIS_HOOKS": "tests.api.attack.checks"},
    )  # fmt: skip
    said, _ = await process.communicate()
    return read(events, Report(process.returncode or 0, said.decode()))


def read(events: Path, report: Report) -> Report:
    """The report with what the events say."""
    with events.open(encoding="utf-8") as lines:
        for line in lines:
            scenario = json.loads(line).get("ScenarioFinished") if line.strip() else None
            if scenario is not None:
                _count(scenario["recorder"], report)
    return report


def _count(recorder: dict[str, Any], report: Report) -> None:
    made = recorder.get("interactions", {})
    report.operations.add(recorder["label"])
    report.cases += len(made)
    for case, checks in recorder.get("checks", {}).items():
        for check in checks:
            report.checks[check["name"]] += 1
            if check["status"] != "success":
                report.failures.append(f"{recorder['label']}: {check['name']}: {_words(check, made.get(case, {}))}")


def _words(check: dict[str, Any], made: dict[str, Any]) -> str:
    failure = (check.get("failure_info") or {}).get("failure", {})
    return f"{failure.get('title')} {failure.get('message')} ({made.get('request', {}).get('uri')})"[:700]
