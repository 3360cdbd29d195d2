"""The table of notifications: for each kind of event its audience, message, state and link.

An event that is not in the table makes no item. Messages are rendered when they are shown; `service.messages` provides
the names in braces. Titles are short enough for a subject line.
"""

from collections.abc import Mapping
from enum import Enum

import msgspec


class Audience(Enum):
    """Who is notified."""

    MONEY = "owners, admins and billing"
    OWN = "the person who owns it, and the admins of its project"
    PERSON = "the person it is about"
    PROJECT = "the members of the project"
    ADMINS = "owners and admins of the organisation"


class Kind(msgspec.Struct, frozen=True, kw_only=True):
    """A kind of event. `only` limits it to some values of one field; turning off a `vital` mail needs confirmation."""

    name: str
    group: str
    label: str
    title: str
    text: str
    href: str
    state: str
    audience: Audience
    email: bool = False
    toast: bool = False
    vital: bool = False
    only: tuple[str, tuple[str, ...]] | None = None


MACHINES, MONEY, APPS, STORAGE, TEAM, WEBHOOKS = "Machines", "Money", "Apps", "Storage", "Team", "Webhooks"

KINDS: tuple[Kind, ...] = (
    Kind(
        name="provisioning.allocation.activated",
        group=MACHINES,
        label="A machine is ready",
        title="{machine} is ready",
        text="SSH answers, all GPUs are present and your login works. Billing has started.",
        href="/machines/{allocation_id}",
        state="active",
        audience=Audience.OWN,
        toast=True,
    ),
    Kind(
        name="provisioning.allocation.failed",
        group=MACHINES,
        label="A launch failed",
        title="{machine} could not be launched",
        text="Nothing was charged and its hold was released. See its page for the reason.",
        href="/machines/{allocation_id}",
        state="failed",
        audience=Audience.OWN,
        email=True,
        toast=True,
    ),
    Kind(
        name="provisioning.allocation.release_requested",
        group=MACHINES,
        label="A machine is released by Berth",
        title="{machine} is being released",
        text="{because} Access and billing have ended; the data on the machine is erased.",
        href="/machines/{allocation_id}",
        state="attention",
        audience=Audience.OWN,
        email=True,
        toast=True,
        only=("reason", ("exhausted", "operator")),
    ),
    Kind(
        name="provisioning.allocation.released",
        group=MACHINES,
        label="A machine was released",
        title="{machine} was released",
        text="See its page for the receipt.",
        href="/machines/{allocation_id}",
        state="ended",
        audience=Audience.OWN,
    ),
    Kind(
        name="billing.tenant.runway_low",
        group=MONEY,
        label="Credit is running low",
        title="Your credit lasts {runway}",
        text="At the current burn rate it runs out {empties}. Machines are released then, unless credit is added.",
        href="/billing/credit",
        state="attention",
        audience=Audience.MONEY,
        email=True,
        toast=True,
        vital=True,
    ),
    Kind(
        name="billing.tenant.exhausted",
        group=MONEY,
        label="Credit has run out",
        title="Your credit has run out",
        text="Active machines are being released and their data is erased.",
        href="/billing/credit",
        state="failed",
        audience=Audience.MONEY,
        email=True,
        toast=True,
        vital=True,
    ),
    Kind(
        name="billing.tenant.runway_recovered",
        group=MONEY,
        label="Credit lasts longer again",
        title="Your credit lasts longer again",
        text="Credit was added, or the burn rate went down.",
        href="/billing",
        state="active",
        audience=Audience.MONEY,
    ),
    Kind(
        name="payments.payment.succeeded",
        group=MONEY,
        label="Credit was added",
        title="{amount} of credit was added",
        text="The payment succeeded and the credit is available.",
        href="/billing",
        state="active",
        audience=Audience.MONEY,
        email=True,
        toast=True,
    ),
    Kind(
        name="payments.payment.failed",
        group=MONEY,
        label="A payment failed",
        title="A payment failed",
        text="Nothing was charged. You can try another card on the payment page.",
        href="/billing/credit",
        state="attention",
        audience=Audience.MONEY,
    ),
    Kind(
        name="payments.refund.succeeded",
        group=MONEY,
        label="A refund succeeded",
        title="{amount} was refunded to your card",
        text="It is no longer part of your credit. Banks take some days to show it.",
        href="/billing",
        state="active",
        audience=Audience.MONEY,
        email=True,
    ),
    Kind(
        name="payments.refund.failed",
        group=MONEY,
        label="A refund failed",
        title="A refund of {amount} failed",
        text="The bank of the card refused it. The amount is credit again.",
        href="/billing",
        state="attention",
        audience=Audience.MONEY,
        email=True,
    ),
    Kind(
        name="appruntime.app.failed",
        group=APPS,
        label="An app failed",
        title="An app on {machine} failed",
        text="It did not start, or it exited. See its log.",
        href="/apps/{app_id}",
        state="failed",
        audience=Audience.OWN,
        toast=True,
    ),
    Kind(
        name="storage.object.damaged",
        group=STORAGE,
        label="A stored file is damaged",
        title="A stored file is damaged",
        text="The stored object differs from the upload. Upload the file again.",
        href="/storage",
        state="failed",
        audience=Audience.PROJECT,
        email=True,
    ),
    Kind(
        name="auth.membership.changed",
        group=TEAM,
        label="Your role changed",
        title="Your role is now {role}",
        text="An owner or admin changed it.",
        href="/team",
        state="attention",
        audience=Audience.PERSON,
        email=True,
    ),
    Kind(
        name="auth.invitation.accepted",
        group=TEAM,
        label="An invitation was accepted",
        title="{person} joined",
        text="The invitation was accepted.",
        href="/team",
        state="active",
        audience=Audience.ADMINS,
    ),
    Kind(
        name="notification.webhook.disabled",
        group=WEBHOOKS,
        label="A webhook was switched off",
        title="A webhook was switched off",
        text="{because} Nothing is sent until it is switched on again; missed events can be replayed.",
        href="/settings/webhooks/{endpoint_id}",
        state="attention",
        audience=Audience.ADMINS,
        email=True,
    ),
)
BY_NAME = {kind.name: kind for kind in KINDS}


class Message(msgspec.Struct, frozen=True, kw_only=True):
    """A rendered message."""

    title: str
    text: str
    href: str
    state: str


def find_kind(name: str, data: Mapping[str, object]) -> Kind | None:
    """The kind of an event with that name and data; None when nobody is notified."""
    kind = BY_NAME.get(name)
    if kind is None or (kind.only is not None and data.get(kind.only[0]) not in kind.only[1]):
        return None
    return kind


def render(kind: Kind, values: Mapping[str, str]) -> Message:
    """Render the message. Raises KeyError when `values` lacks a name."""
    return Message(
        title=kind.title.format_map(values),
        text=kind.text.format_map(values).strip(),
        href=kind.href.format_map(values),
        state=kind.state,
    )
