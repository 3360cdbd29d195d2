"""What every route asks of PostgreSQL and Valkey and how much it answers, against its budget: counts, not times.

A process that is warm is counted: who is over is asked again twice, and the least of the three counts.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest

from app.domains.billing.jobs import run_tick
from tests.api.changes.vendors import vendors
from tests.api.changes.world import World, prepare
from tests.budgets import budget
from tests.budgets.budget import Count
from tests.budgets.visits import APART, changes, furnish, reads
from tests.fixtures.app import create_app

if TYPE_CHECKING:
    from pathlib import Path

    from app.shared.context import Runtime
    from app.shared.db import Database
    from tests.fixtures.app import SignIn
    from tests.fixtures.wire import Asked

TRIES = 3
FRAMES = {"ada": "frame of a customer's page", "olga": "frame of an operator's page"}
Work = Callable[[], Awaitable[str]]


@dataclass
class Counted:
    """The least that each piece of work needed, and what was wrong."""

    asked: Asked
    budgets: dict[str, Count] = field(default_factory=budget.read)
    counts: dict[str, Count] = field(default_factory=dict)
    wrong: list[str] = field(default_factory=list)

    async def count(self, name: str, work: Work) -> None:
        """Do the work until it is within its budget, at most three times."""
        for _ in range(TRIES):
            self.asked.clear()
            answer = await work()
            asked = self.asked
            count = Count(len(asked.statements), asked.round_trips, asked.valkey, budget.size(answer))
            self._least(name, count)
            if not self._over(name) and not budget.writes():
                return
        if faults := [] if budget.writes() else self._over(name):
            listed = "".join(f"\n    {statement[:160]}" for statement in asked.statements)
            self.wrong.append(f"{name}: {'; '.join(faults)}{listed}")

    def refuse(self, fault: str) -> None:
        """What came back is not what is to be counted."""
        if fault not in self.wrong:
            self.wrong.append(fault)

    def note_frame(self, who: str, answer: str) -> None:
        """The largest frame around a main part counts."""
        size = budget.frame_size(answer)
        if size > self.counts.get(FRAMES[who], Count(0, 0, 0, 0)).bytes:
            self.counts[FRAMES[who]] = Count(0, 0, 0, size)

    def verdict(self) -> str:
        for name in () if budget.writes() else FRAMES.values():
            self.wrong += [f"{name}: {fault}" for fault in self._over(name)]
        return "\n".join(self.wrong)

    def _least(self, name: str, count: Count) -> None:
        self.counts[name] = budget.least(count, self.counts.get(name, count))

    def _over(self, name: str) -> list[str]:
        if name not in self.budgets:
            return ["has no budget; ./berth bench budgets writes one"]
        return budget.over(self.counts[name], self.budgets[name])


@pytest.mark.commits
async def test_no_route_asks_or_answers_more_than_its_budget(
    runtime: Runtime, db: Database, sign_in_as: SignIn, tmp_path: Path, asked: Asked
) -> None:
    counted = Counted(asked)
    async with vendors(runtime, tmp_path):
        w = await prepare(runtime, db, sign_in_as)
        known = await furnish(w)
        for visit in reads(create_app(runtime), known):
            await counted.count(visit.name, _get(w, counted, visit.who, visit.url))
        for change in await changes(w):
            await counted.count(change.name, change.work)
        await counted.count("job billing.tick", _tick(runtime))
    budget.write(counted.counts)
    verdict = counted.verdict()
    assert not verdict, verdict


def _get(w: World, counted: Counted, who: str, url: str) -> Work:
    async def get() -> str:
        answer = await w.people[who].client.get(url, headers={"accept-encoding": "identity"})
        if answer.status_code not in (200, 303):
            counted.refuse(f"{url}: {answer.status_code}, which says nothing of what it costs")
        if "<main" in answer.text:
            counted.note_frame(who, answer.text)
        return answer.text

    return get


def _tick(runtime: Runtime) -> Work:
    async def tick() -> str:
        await run_tick(runtime, {})
        return ""

    return tick


def test_every_route_without_a_budget_says_why() -> None:
    assert all(APART.values())
    assert not APART.keys() & {name.removeprefix("GET ") for name in budget.read()}
