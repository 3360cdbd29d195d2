"""The written budget: what each route may ask and answer, one line a route. `./berth bench budgets` writes it anew.

Counts are exact. Bytes have a little room, because names, ids and times are not of the same length in every run.
"""

import json
import os
import re
from pathlib import Path
from typing import NamedTuple

FILE = Path(__file__).with_name("budgets.json")
WRITES = "BERTH_BUDGETS"  # "lower" writes what has become less and what is new, "all" also what has become more
MAIN = re.compile(r"<main\b.*</main>", re.DOTALL)
ROOM = 1.03
STEP = 100


class Count(NamedTuple):
    """Statements and round trips to PostgreSQL, commands or pipelines sent to Valkey, bytes of the answer's main part
    before compression."""

    statements: int
    round_trips: int
    valkey: int
    bytes: int


def size(answer: str) -> int:
    """Bytes of a page's main part, or of an answer that has none."""
    main = MAIN.search(answer)
    return len((main[0] if main else answer).encode())


def frame_size(answer: str) -> int:
    """Bytes of a whole page around its main part."""
    return len(answer.encode()) - size(answer)


def allowance(count: Count) -> Count:
    """The budget that a count gets when it is written. Valkey may always be asked once: how long a session is kept in
    the process is a matter of time, and a busy machine must not fail."""
    return count._replace(valkey=max(1, count.valkey), bytes=-(-int(count.bytes * ROOM) // STEP) * STEP)


def least(one: Count, other: Count) -> Count:
    return Count(*map(min, one, other))


def over(count: Count, budget: Count) -> list[str]:
    """What is more than the budget allows, in words."""
    return [
        f"{value} {name.replace('_', ' ')}, the budget is {allowed}"
        for name, value, allowed in zip(Count._fields, count, budget, strict=True)
        if value > allowed
    ]


def read() -> dict[str, Count]:
    found = json.loads(FILE.read_text("utf-8")) if FILE.exists() else {}
    return {name: Count(**values) for name, values in found.items()}


def writes() -> bool:
    """Whether this run is told to write the budgets."""
    return os.environ.get(WRITES) in ("lower", "all")


def write(counts: dict[str, Count]) -> None:
    """As the environment asks: nothing, what is less, or all. A route that is gone loses its line."""
    if not writes():
        return
    old = read() if os.environ[WRITES] == "lower" else {}
    new = {name: allowance(count) for name, count in counts.items()}
    kept = {name: least(count, old.get(name, count)) for name, count in sorted(new.items())}
    lines = (f"{json.dumps(name)}: {json.dumps(count._asdict())}" for name, count in kept.items())
    FILE.write_text("{\n" + ",\n".join(lines) + "\n}\n", "utf-8")
