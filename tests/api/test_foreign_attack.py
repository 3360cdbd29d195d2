"""Schemathesis on every operation of the API with all of its checks, by three callers, in a world that has what they
ask for. Every status must be one that the description lists, every body and header of the described shape, nothing a
server error; what the schema refuses is refused, and what it allows is not refused for what it could have said.

The quick version asks each operation a few times; the slow one goes through all phases. Both are seeded.
"""

import json
import socket
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from msgspec.structs import force_setattr

from app.domains.notification.service import feed
from app.shared.rdb.rate_limit import LIMITS
from tests.api.attack.callers import CALLERS, token_of
from tests.api.attack.run import SEED, Report, attack
from tests.api.attack.target import Target, listening, operations_of, read_description
from tests.api.attack.world import asks, with_examples
from tests.api.changes.vendors import vendors
from tests.api.changes.world import prepare
from tests.domains.storage.conftest import runtime, settings  # noqa: F401 - a project with a bucket
from tests.fixtures.app import create_app

RUNS = {
    "quick": ("--phases", "examples,fuzzing", "--max-examples", "1"),
    "coverage": ("--phases", "examples,coverage"),
    "fuzzing": ("--phases", "fuzzing,stateful", "--max-examples", "5"),
}
DONE = {"customer": 75, "operator": 45, "account": 40}  # at least so many operations were done for the caller
RECIPES = 65  # at least so many changes have what they need in one world


@pytest.fixture
def roomy() -> Iterator[None]:
    """Limits of requests with room for all that is sent here; they are still counted."""
    counts = {name: limit.count for name, limit in LIMITS.items()}
    for name, count in counts.items():
        force_setattr(LIMITS[name], "count", count * 100_000)
    yield
    for name, count in counts.items():
        force_setattr(LIMITS[name], "count", count)


@pytest.fixture
def nobody_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    """The feed answers at once what a caller would have waited for; its own tests wait."""
    follow = feed.follow
    monkeypatch.setattr(feed, "follow", lambda contexts, cursor, limit, _wait: follow(contexts, cursor, limit, 0))


@pytest.fixture
def port() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as sock:
        yield sock


@pytest.mark.commits
@pytest.mark.usefixtures("roomy", "nobody_waits")
@pytest.mark.parametrize("who", CALLERS)
@pytest.mark.parametrize(
    "run", ["quick", *(pytest.param(run, marks=pytest.mark.slow) for run in ("coverage", "fuzzing"))]
)
async def test_everything_is_answered_as_described(
    runtime,  # noqa: F811
    db,
    sign_in_as,
    client,
    tmp_path: Path,
    port,
    who: str,
    run: str,
) -> None:
    root = read_description()
    operations = operations_of(root)
    async with vendors(runtime, tmp_path):
        w = await prepare(runtime, db, sign_in_as)
        made = await asks(w)
        assert len(made) >= RECIPES
        token = await token_of(who, w, client)
        url = f"http://localhost:{port.getsockname()[1]}"
        web = msgspec.structs.replace(runtime.settings.web, public_url=url)
        runtime.settings = msgspec.structs.replace(runtime.settings, web=web)
        target = Target(create_app(runtime), operations)
        description = tmp_path / "openapi.json"
        description.write_text(json.dumps(with_examples(root, made)), "utf-8")
        async with listening(target, port):
            report = await attack(description, url, token, *RUNS[run])
    answered = target.answers
    named = [f"{method} {path}" for method, path in operations]
    done = [label for label in named if any(200 <= status < 300 for status in answered[label])]
    print(f"\n{run}, {who}: {figures(report, sum(answered.values(), Counter()), len(done))}")
    assert not report.failures, f"seed {SEED}\n" + "\n".join(report.failures[:40])
    assert report.status == 0, report.said[-4_000:]
    assert report.operations >= set(named)
    assert not any(answers[429] for answers in answered.values())
    assert len(done) >= DONE[who], sorted(done)


def figures(report: Report, answers: Counter[int], done: int) -> str:
    return (
        f"{len(report.operations)} operations, {report.cases} requests, {sum(report.checks.values())} checks, "
        f"{len(report.failures)} failures, {done} operations done; {dict(sorted(answers.items()))}"
    )
