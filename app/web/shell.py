"""The frame of a page: what every layout needs to know, as frozen structs the kernel fills once per request.

Owns no rule and reads nothing. An absent value is None or empty and the layout leaves its place out: nothing is drawn
that leads nowhere.
"""

from datetime import datetime
from typing import Literal, Protocol

import msgspec

Theme = Literal["system", "light", "dark"]
THEMES: tuple[Theme, ...] = ("system", "light", "dark")


class NavEntry(msgspec.Struct, frozen=True, kw_only=True):
    """One place in the rail. `icon` is a name of components/icon.html; `phone` keeps it on the bottom bar (else it is
    under More)."""

    label: str
    href: str
    icon: str
    active: bool = False
    phone: bool = False
    jump: str = ""


class MoneyPill(msgspec.Struct, frozen=True, kw_only=True):
    """Balance, burn and end of money of the tenant. `fragment_href` answers `components/money_pill.html` (refetched on
    topic `money`)."""

    available_micro: int
    burn_micro_per_hour: int
    empties_at: datetime | None
    currency: str
    attention: bool
    href: str | None = None
    add_credit_href: str | None = None
    fragment_href: str | None = None


class Credit(Protocol):
    """What the pill shows of an organisation's money; amounts in micro-units."""

    @property
    def available(self) -> int: ...
    @property
    def burn_per_hour(self) -> int: ...
    @property
    def empties_at(self) -> datetime | None: ...
    @property
    def currency(self) -> str: ...
    @property
    def is_low(self) -> bool: ...


def money_pill(credit: Credit, *, may_pay: bool) -> MoneyPill:
    """The pill of an organisation, with the way to add credit for who may pay."""
    return MoneyPill(
        available_micro=credit.available,
        burn_micro_per_hour=credit.burn_per_hour,
        empties_at=credit.empties_at,
        currency=credit.currency,
        attention=credit.is_low,
        href="/billing",
        add_credit_href="/billing/credit" if may_pay else None,
        fragment_href="/billing/pill",
    )


class ProjectChoice(msgspec.Struct, frozen=True, kw_only=True):
    """A project to switch to."""

    project_id: str
    name: str
    current: bool


class OrganisationChoice(msgspec.Struct, frozen=True, kw_only=True):
    """An organisation in the workspace menu, with its projects."""

    name: str
    projects: tuple[ProjectChoice, ...]


class Announcement(msgspec.Struct, frozen=True, kw_only=True):
    """A message to everybody, plain text; `tone` is one of alert's. A form to `dismiss_href` hides it."""

    text: str
    tone: str
    dismiss_href: str


class Viewing(msgspec.Struct, frozen=True, kw_only=True):
    """An operator looks at this organisation, read-only, until `expires_at`; a form to `stop_href` ends it."""

    tenant_name: str
    reason: str
    expires_at: datetime
    stop_href: str = "/view-as/stop"


class Shell(msgspec.Struct, frozen=True, kw_only=True):
    """The viewer and their surroundings. `user_name` empty means nobody is signed in."""

    csrf_token: str
    theme: Theme = "system"
    env_name: str = "development"
    time_zone: str = "UTC"
    user_name: str = ""
    user_initials: str = ""
    tenant_name: str = ""
    project_name: str = ""
    workspaces: tuple[OrganisationChoice, ...] = ()  # where the viewer may switch to, with a form to `/place`
    invitations: int = 0  # that wait for the viewer's answer
    new_project_href: str | None = None
    nav: tuple[NavEntry, ...] = ()
    settings_nav: tuple[NavEntry, ...] = ()  # tabs of layouts/settings.html
    machine_nav: tuple[NavEntry, ...] = ()  # tabs of layouts/machine.html; `{id}` in an href is the allocation's id
    public_url: str = ""  # the origin, for the code that a page shows
    money: MoneyPill | None = None
    is_operator: bool = False
    operator_href: str | None = None
    portal_href: str | None = None
    logout_href: str = "/logout"
    settings_href: str | None = None
    notifications_href: str | None = None
    unread: int = 0  # 100 means that many or more
    inbox_topic: str | None = None  # what the bell listens to
    live_url: str | None = None
    csp_nonce: str = ""
    viewing: Viewing | None = None
    announcements: tuple[Announcement, ...] = ()


def initials(name: str) -> str:
    """At most two letters of a person's name: `Ada Marsh` -> `AM`, `Chloé 陈` -> `C陈`."""
    words = [word for word in name.split() if word[0].isalnum()]
    picked = words[:1] + words[-1:] if len(words) > 1 else words
    return "".join(word[0] for word in picked).upper()


def theme_cookie(instance: str) -> str:
    """The name of the theme cookie; it holds the instance because cookies ignore ports. Readable by scripts: theme.js
    writes it."""
    return f"berth_theme_{instance}"


def seen_cookie(instance: str) -> str:
    """The name of the cookie that holds the announcements which this browser has put away."""
    return f"berth_seen_{instance}"


def parse_theme(value: str | None) -> Theme:
    """What a cookie or a form says; anything unknown is `system`."""
    return next((theme for theme in THEMES if theme == value), "system")
