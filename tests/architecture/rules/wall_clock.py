"""Time is an argument: the wall clock is read only in app/shared/clock.py (monotonic and perf_counter may)."""

from collections.abc import Iterator

from tests.architecture.source import Finding, Source

SCOPE = ("app/**/*.py", "workers/**/*.py", "migrations/**/*.py")
READS = frozenset(
    f"{owner}.{verb}"
    for owner, verbs in {
        "datetime": ("now", "utcnow", "today"),
        "datetime.datetime": ("now", "utcnow", "today"),
        "dt.datetime": ("now", "utcnow", "today"),
        "date": ("today",),
        "datetime.date": ("today",),
        "dt.date": ("today",),
        "time": ("time", "time_ns", "gmtime", "localtime"),
    }.items()
    for verb in verbs
)


def check(source: Source) -> Iterator[Finding]:
    if str(source.path) == "app/shared/clock.py":
        return
    for call, name in source.calls():
        if name in READS:
            yield source.finding(call, f"{name}() reads the wall clock: take the instant from the Context")


BAD = [
    ("app/domains/billing/service.py", "from datetime import UTC, datetime\nNOW = datetime.now(UTC)\n"),
    ("workers/relay.py", "import time\nSTART = time.time()\n"),
    ("app/domains/usage/rules.py", "import datetime\nDAY = datetime.date.today()\n"),
]
GOOD = [
    ("app/shared/clock.py", "from datetime import UTC, datetime\nNOW = datetime.now(UTC)\n"),
    ("workers/relay.py", "import time\nSTART = time.monotonic()\n"),
    ("app/domains/provisioning/workflows.py", "from temporalio import workflow\nNOW = workflow.now()\n"),
]
