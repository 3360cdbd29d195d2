"""Renders inbox items: names are looked up in one batch per kind of name, when the items are shown."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import msgspec

from app.domains.auth import public as auth
from app.domains.notification.rules.messages import BY_NAME, Kind, Message, render
from app.domains.notification.rules.values import Item
from app.domains.provisioning import public as provisioning
from app.shared import formats
from app.shared.context import Context

REASONS = {
    "exhausted": "The credit has run out.",
    "operator": "An operator of Berth released it.",
    "failing": "Its deliveries have failed for days.",
    "gone": "Its receiver answered 410 Gone.",
}
ROLES = {
    "tenant_owner": "owner",
    "tenant_admin": "admin",
    "tenant_billing": "billing",
    "tenant_member": "member",
    "project_admin": "admin of a project",
    "project_member": "member of a project",
    "project_viewer": "viewer of a project",
}


class ItemView(msgspec.Struct, frozen=True, kw_only=True):
    """A rendered item. `state` is one of the design system's states."""

    id: UUID
    kind: str
    title: str
    text: str
    href: str
    state: str
    occurred_at: datetime
    read: bool


async def describe(ctx: Context, items: Sequence[Item], time_zone: str = "UTC") -> list[ItemView]:
    """Render the items; those of an unknown kind are left out."""
    machines = await provisioning.machines_by_id(ctx, _ids(items, "allocation_id"))
    people = await auth.people(ctx, _ids(items, "user_id"))
    machine_names = {machine_id: machine.name for machine_id, machine in machines.items()}
    person_names = {person_id: person.name for person_id, person in people.items()}
    views = []
    for item in items:
        kind = BY_NAME.get(item.kind)
        if kind is not None:
            view = fill(kind, item.data, machine_names, person_names, item.occurred_at, time_zone)
            views.append(_view(item, view))
    return views


def fill(
    kind: Kind,
    data: dict[str, object],
    machines: dict[UUID, str],
    people: dict[UUID, str],
    at: datetime,
    time_zone: str,
) -> Message:
    """Render one kind with the event's data and names."""
    values = {name: str(value) for name, value in data.items()}
    machine, person = _uuid(data.get("allocation_id")), _uuid(data.get("user_id"))
    values["machine"] = machines.get(machine, "A machine") if machine else "A machine"
    values["person"] = people.get(person, "Somebody") if person else "Somebody"
    values["because"] = REASONS.get(str(data.get("reason")), "")
    values["role"] = ROLES.get(str(data.get("role")), "something else")
    amount, seconds, ends = data.get("amount"), data.get("runway_seconds"), data.get("empties_at")
    values["amount"] = formats.money(amount, str(data.get("currency", "USD"))) if isinstance(amount, int) else ""
    values["runway"] = formats.runway(seconds) if isinstance(seconds, int) else "not long"
    values["empties"] = "soon"
    if isinstance(ends, str):
        values["empties"] = formats.moment(msgspec.convert(ends, datetime), at, time_zone)
    return render(kind, values)


def _view(item: Item, view: Message) -> ItemView:
    return ItemView(
        id=item.id,
        kind=item.kind,
        title=view.title,
        text=view.text,
        href=view.href,
        state=view.state,
        occurred_at=item.occurred_at,
        read=item.read_at is not None,
    )


def _ids(items: Sequence[Item], name: str) -> set[UUID]:
    result = (_uuid(item.data.get(name)) for item in items)
    return {value for value in result if value is not None}


def _uuid(value: object) -> UUID | None:
    try:
        return UUID(str(value)) if value is not None else None
    except ValueError:
        return None
