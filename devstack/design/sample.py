"""The sample data of /_design, the page that shows every component in every state. Owns no real figure; used by tests
too."""

from datetime import datetime, timedelta

import msgspec

from app.web.charts import Chart, Series
from app.web.parts import Step
from app.web.shell import MoneyPill, NavEntry, Shell, Theme
from app.web.show_code import ApiCall
from app.web.templating import STATES

PORTAL_NAV = (
    ("Overview", "overview", True),
    ("Catalog", "catalog", True),
    ("Machines", "machines", True),
    ("Apps", "apps", False),
    ("Storage", "storage", False),
    ("Billing", "billing", True),
    ("Team", "team", False),
    ("Activity", "activity", False),
    ("Developers", "developers", False),
)
TOKENS = (
    ("paper", "raised", "sunken", "hover", "line", "line-control", "ink", "muted", "buoy"),
    ("good", "busy", "wait", "warn", "bad", "good-tint", "busy-tint", "wait-tint", "warn-tint", "bad-tint"),
    ("chart-1", "chart-2", "chart-3", "chart-4", "chart-5", "chart-6", "chart-7", "chart-8"),
)


class Machine(msgspec.Struct, frozen=True, kw_only=True):
    """A row of the sample table."""

    id: str
    name: str
    kind: str
    state: str
    word: str
    slots: tuple[str, ...]
    rate_micro: int
    cost_micro: int
    since: datetime


class CheckStep(msgspec.Struct, frozen=True, kw_only=True):
    """A line of the sample checklist."""

    title: str
    text: str
    done: bool
    optional: bool = False
    stays: bool = False
    action: str = ""
    href: str = ""


CHECKLIST = (
    CheckStep(title="Add credit", text="Machines are paid out of it.", done=True),
    CheckStep(title="Launch a machine", text="Choose a type.", done=False, action="Launch", href="#launch"),
    CheckStep(title="Add a key", text="The terminal works without.", done=False, optional=True),
)
CHART = Chart(
    id="sample-spend",
    title="Spend per day",
    summary="You spent $310.40 in three days, most of it on H100 SXM ×8.",
    kind="bars",
    unit="money",
    head="Day",
    labels=("Mon 23 Nov", "Tue 24 Nov", "Wed 25 Nov"),
    series=(
        Series("H100 SXM ×8", (110_400_000, 36_800_000, 92_000_000)),
        Series("L40S ×4", (17_600_000, 0, 53_600_000)),
    ),
)
LAUNCH = ApiCall(method="POST", path="/api/v1/allocations", body={"sku": "h100x8"}, cli=("launch", "h100x8", "--wait"))


class DesignPage(msgspec.Struct, frozen=True, kw_only=True):
    """What design.html gets as `page`."""

    states: tuple[str, ...]
    tokens: tuple[tuple[str, ...], ...]
    strips: tuple[tuple[str, tuple[str, ...]], ...]
    machines: tuple[Machine, ...]
    steps: tuple[Step, ...]
    empties_at: datetime
    empties_after: datetime
    call: ApiCall = LAUNCH
    chart: Chart = CHART
    checklist: tuple[CheckStep, ...] = CHECKLIST


def sample(now: datetime) -> DesignPage:
    """Every state once, around `now`."""
    return DesignPage(
        states=tuple(STATES),
        tokens=TOKENS,
        strips=(
            ("8 GPUs, one machine of yours", ("mine",) * 8),
            ("half taken", ("mine", "mine", "taken", "taken", "taken", "free", "free", "free")),
            ("coming in", ("in_progress",) * 4 + ("free",) * 4),
            ("reserved", ("waiting", "waiting", "free", "free")),
            ("in trouble", ("mine", "attention", "failed", "mine")),
            ("no GPU, one slot", ("free",)),
        ),
        machines=(
            _machine("train-07", "H100 SXM ×8", "active", "", ("mine",) * 8, 18_400_000, 58_880_000, now, 11_520),
            _machine("tokenizer", "A100 ×2", "in_progress", "deploying", ("in_progress",) * 2, 3_200_000, 0, now, 74),
            _machine(
                "eval-nightly", "L40S ×4", "attention", "idle 40 min", ("mine",) * 4, 4_960_000, 9_920_000, now, 7_200
            ),
            _machine("sweep-b", "H100 SXM ×1", "waiting", "2nd in line", ("waiting",), 2_312_500, 0, now, 360),
            _machine("bench", "EPYC 96 c", "failed", "no answer on SSH", ("failed",), 1_100_000, 4_200, now, 90_000),
            _machine(
                "train-06", "H100 SXM ×8", "ended", "given back", ("free",) * 8, 18_400_000, 441_600_000, now, 260_000
            ),
        ),
        steps=(
            Step(label="Placed", state="active", seconds=0.1, detail="node-12, image warm"),
            Step(label="Deployed", state="active", seconds=124),
            Step(
                label="Configured",
                state="in_progress",
                seconds=6,
                expected_seconds=8,
                started_at=now - timedelta(seconds=6),
            ),
            Step(label="Probed", state="waiting", expected_seconds=3, detail="SSH answers, 8 GPUs, quick test"),
        ),
        empties_at=now + timedelta(seconds=80_640),
        empties_after=now + timedelta(seconds=53_748),
    )


def _machine(
    name: str, kind: str, state: str, word: str, slots: tuple[str, ...], rate: int, cost: int, now: datetime, age: int
) -> Machine:
    since = now - timedelta(seconds=age)
    stem = f"0192f7c4a1b27e33{abs(age) % 10_000:04d}"
    return Machine(
        id=stem,
        name=name,
        kind=kind,
        state=state,
        word=word,
        slots=slots,
        rate_micro=rate,
        cost_micro=cost,
        since=since,
    )


def sample_shell(now: datetime, theme: Theme = "system", *, operator: bool = False, attention: bool = False) -> Shell:
    """A viewer with everything there is, for the page without a session and for tests."""
    left = timedelta(hours=3) if attention else timedelta(hours=22, minutes=24)
    return Shell(
        csrf_token="sample",
        theme=theme,
        user_name="Ada Marsh",
        user_initials="AM",
        tenant_name="acme",
        project_name="vision",
        time_zone="Europe/Berlin",
        nav=tuple(
            NavEntry(label=label, href="/_design#" + icon, icon=icon, active=icon == "overview", phone=phone)
            for label, icon, phone in PORTAL_NAV
        ),
        money=MoneyPill(
            available_micro=412_080_000,
            burn_micro_per_hour=18_400_000,
            empties_at=now + left,
            currency="USD",
            attention=attention,
            href="/billing",
            add_credit_href="/billing/add-credit",
        ),
        notifications_href="/notifications",
        unread=3,
        settings_href="/settings",
        is_operator=operator,
        operator_href="/admin" if operator else None,
        portal_href="/",
    )
