"""The table of everything that people are told: whom it concerns, in which words, how it looks, where it leads.

An event that is not in the table makes no item. Words are filled in when they are shown, from ids and amounts: names in
braces are given by `service.words`. Titles are short enough for a subject line.
"""

from collections.abc import Mapping
from enum import Enum

import msgspec


class Audience(Enum):
    """Who is told."""

    MONEY = "who looks after the money: owners, admins, billing"
    OWN = "the person whose thing it is, and the admins of its project"
    PERSON = "the person whom it is about, nobody else"
    PROJECT = "everybody who works in the project"
    ADMINS = "owners and admins of the organisation"


class Kind(msgspec.Struct, frozen=True, kw_only=True):
    """One kind of event. `only` narrows it to some values of one fact; a `vital` mail is not turned off lightly."""

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
        text="It answers by SSH, its GPUs were counted and your login was tried. It is billed from now on.",
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
        text="Nothing was charged and the money held for it is available again. Its page says what happened.",
        href="/machines/{allocation_id}",
        state="failed",
        audience=Audience.OWN,
        email=True,
        toast=True,
    ),
    Kind(
        name="provisioning.allocation.release_requested",
        group=MACHINES,
        label="A machine is taken back by Berth",
        title="{machine} is being given back",
        text="{because} Access has ended and so has billing; what was on the machine is erased.",
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
        label="A machine was given back",
        title="{machine} was given back",
        text="It is released. Its page has the receipt.",
        href="/machines/{allocation_id}",
        state="ended",
        audience=Audience.OWN,
    ),
    Kind(
        name="billing.tenant.runway_low",
        group=MONEY,
        label="The credit runs low",
        title="Your credit lasts {runway}",
        text="At the present rate it is used up {empties}. Machines are given back then, unless credit is added.",
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
        label="The credit is used up",
        title="Your credit is used up",
        text="Running machines are being given back and what is on them is erased.",
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
        label="The credit lasts longer again",
        title="Your credit lasts longer again",
        text="Credit was added, or less runs than before.",
        href="/billing",
        state="active",
        audience=Audience.MONEY,
    ),
    Kind(
        name="payments.payment.succeeded",
        group=MONEY,
        label="Credit was added",
        title="{amount} of credit was added",
        text="The payment arrived and can be used at once.",
        href="/billing",
        state="active",
        audience=Audience.MONEY,
        email=True,
        toast=True,
    ),
    Kind(
        name="payments.payment.failed",
        group=MONEY,
        label="A payment did not go through",
        title="A payment did not go through",
        text="Nothing was charged. The payment page stays open for another card.",
        href="/billing/credit",
        state="attention",
        audience=Audience.MONEY,
    ),
    Kind(
        name="payments.refund.succeeded",
        group=MONEY,
        label="Money went back to a card",
        title="{amount} went back to your card",
        text="It is no longer part of your credit. Banks take some days to show it.",
        href="/billing",
        state="active",
        audience=Audience.MONEY,
        email=True,
    ),
    Kind(
        name="payments.refund.failed",
        group=MONEY,
        label="A refund did not go through",
        title="A refund of {amount} did not go through",
        text="The bank of the card did not take it. The money is credit again.",
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
        text="It did not come up, or it ended by itself. Its log says more.",
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
        text="The object store does not hold what was uploaded. Upload the file again.",
        href="/storage",
        state="failed",
        audience=Audience.PROJECT,
        email=True,
    ),
    Kind(
        name="auth.membership.changed",
        group=TEAM,
        label="Your role changed",
        title="Your role is {role} now",
        text="Somebody who manages the team changed it.",
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
        text="{because} Nothing is sent to it until it is switched on again; what was missed can be replayed.",
        href="/settings/webhooks/{endpoint_id}",
        state="attention",
        audience=Audience.ADMINS,
        email=True,
    ),
)
BY_NAME = {kind.name: kind for kind in KINDS}


class Said(msgspec.Struct, frozen=True, kw_only=True):
    """A kind's words with everything filled in."""

    title: str
    text: str
    href: str
    state: str


def find_kind(name: str, facts: Mapping[str, object]) -> Kind | None:
    """The kind that an event of that name and facts is told as; None when people are not told."""
    kind = BY_NAME.get(name)
    if kind is None or (kind.only is not None and facts.get(kind.only[0]) not in kind.only[1]):
        return None
    return kind


def say(kind: Kind, values: Mapping[str, str]) -> Said:
    """Fill the words. Raises KeyError when `values` lacks a name that they use."""
    return Said(
        title=kind.title.format_map(values),
        text=kind.text.format_map(values).strip(),
        href=kind.href.format_map(values),
        state=kind.state,
    )
