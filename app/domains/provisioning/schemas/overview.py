"""What the first page gets: figures, sentences and links; a template decides nothing."""

from datetime import date, datetime
from urllib.parse import urlencode
from uuid import UUID

import msgspec

from app.domains.billing.contracts import BalanceView, SpendView
from app.domains.inventory.contracts import Offer
from app.domains.provisioning.models import Allocation
from app.domains.provisioning.schemas import MachineRow
from app.domains.provisioning.service.overview import FirstSteps, Overview

MONTHS = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
    "December",
)  # fmt: skip


class Need(msgspec.Struct, frozen=True):
    """One item that needs attention: how it looks, what it is, why, and where to go. `until` is named in the text."""

    look: str
    title: str
    text: str
    action: str
    href: str
    until: datetime | None = None


class StepRow(msgspec.Struct, frozen=True, kw_only=True):
    """One first step. Without `href` there is no action yet; `stays` keeps the button when the step is done."""

    title: str
    text: str
    done: bool
    action: str = ""
    href: str = ""
    optional: bool = False
    stays: bool = False


class OfferCard(msgspec.Struct, frozen=True, kw_only=True):
    """A type on the way to a launch."""

    title: str
    rate: int
    currency: str
    free: str
    href: str

    @classmethod
    def of(cls, offer: Offer) -> "OfferCard":
        return cls(
            title=offer.sku.title,
            rate=offer.price.rate_whole,
            currency=offer.price.currency,
            free=offer.free_label,
            href="/launch?" + urlencode({"sku": offer.sku.code}),
        )


class SpendRow(msgspec.Struct, frozen=True, kw_only=True):
    """This month against last month, and the last 30 days as bars."""

    view: SpendView
    month: str
    month_before: str
    total: int
    says: str

    @classmethod
    def of(cls, view: SpendView) -> "SpendRow":
        before = MONTHS[view.month.month - 2]
        days = sum(1 for amount in view.days if amount)
        return cls(
            view=view,
            month=_month(view.month),
            month_before=before,
            total=sum(view.days),
            says=f"Machines ran on {days} of the last {len(view.days)} days"
            if days
            else "Nothing ran in the last 30 days",
        )


class OverviewPage(msgspec.Struct, frozen=True, kw_only=True):
    rows: tuple[MachineRow, ...]
    balance: BalanceView | None
    spend: SpendRow | None
    needs: tuple[Need, ...]
    steps: tuple[StepRow, ...]
    steps_done: int
    steps_needed: int
    ever: bool
    offers: tuple[OfferCard, ...]
    again: tuple[str, str] | None
    at: datetime

    @classmethod
    def of(cls, found: Overview) -> "OverviewPage":
        steps = step_rows(found.first_steps) if found.first_steps else ()
        needed = [step for step in steps if not step.optional]
        return cls(
            rows=tuple(MachineRow.of(machine) for machine in found.machines),
            balance=found.balance,
            spend=SpendRow.of(found.spend) if found.spend else None,
            needs=needs_of(found),
            steps=steps,
            steps_done=sum(step.done for step in needed),
            steps_needed=len(needed),
            ever=found.last is not None,
            offers=tuple(OfferCard.of(offer) for offer in found.offers),
            again=_again(found.last) if found.offers and found.last else None,
            at=found.at,
        )


def needs_of(found: Overview) -> tuple[Need, ...]:
    """Money first, then machines."""
    needs: list[Need] = []
    balance = found.balance
    if balance is not None and balance.level in ("warning", "critical") and balance.empties_at:
        text = "Active machines are released then, and everything on them is lost."
        needs.append(
            Need("attention", "Your credit ends soon", text, "Add credit", "/billing/credit", balance.empties_at)
        )
    for row in found.failed:
        text = row.failure_text or "The reason is on its page."
        needs.append(Need("failed", f"{row.name} could not be launched", text, "See why", _machine_path(row.id)))
    for row in found.slow:
        text = "It takes longer than machines of its type usually do. Nothing is charged meanwhile."
        needs.append(Need("attention", f"{row.name} is not ready yet", text, "See its steps", _machine_path(row.id)))
    for row in found.overdue:
        text = "Its machine is still being returned. You do not pay for that."
        needs.append(
            Need("attention", f"Releasing {row.name} takes longer", text, "See its steps", _machine_path(row.id))
        )
    return tuple(needs)


def step_rows(steps: FirstSteps) -> tuple[StepRow, ...]:
    """From signing in to a shell. Completed steps remain on the list to show progress."""
    organisation = StepRow(
        title="Organisation and project",
        text="Made when you signed in. Their names can be changed at any time.",
        done=True,
        action="Rename" if steps.may_rename else "",
        href="/settings/organisation" if steps.may_rename else "",
        stays=True,
    )
    credit = StepRow(
        title="Add credit",
        text="Machines are paid by the second out of it. Nothing is charged before one works.",
        done=steps.has_credit,
        action="Add credit" if steps.may_pay else "",
        href="/billing/credit" if steps.may_pay else "",
    )
    launch = StepRow(
        title="Launch your first machine",
        text="Choose a type and an image; it takes about as long as the form says.",
        done=steps.has_launched,
        action="Launch machine" if steps.has_credit else "See what is free",
        href="/launch" if steps.has_credit else "/catalog",
    )
    shell = StepRow(
        title="Open a terminal",
        text="A shell in this browser, without a key and without a password.",
        done=steps.has_entered,
        action="Open the terminal" if steps.active else "",
        href=f"{_machine_path(steps.active.id)}/terminal" if steps.active else "",
    )
    return (organisation, *_key_step(steps), credit, launch, shell)


def _key_step(steps: FirstSteps) -> tuple[StepRow, ...]:
    """The optional step of adding a key, for actors who may have one."""
    if steps.has_key is None:
        return ()
    text = "For your own ssh and for rsync. The terminal in the browser works without one."
    return (
        StepRow(
            title="Add an SSH key",
            text=text,
            done=steps.has_key,
            action="Add a key",
            href="/settings/keys",
            optional=True,
        ),
    )


def _machine_path(allocation_id: UUID) -> str:
    return f"/machines/{allocation_id}"


def _month(day: date) -> str:
    return MONTHS[day.month - 1]


def _again(row: Allocation) -> tuple[str, str]:
    """The last launch, as a filled form."""
    part = {"part": "whole"} if row.whole else {"part": "gpus", "gpus": row.gpus}
    return f"As {row.name} again", "/launch?" + urlencode({"sku": row.sku_code, "image": row.image_code, **part})
