"""Items in words: names are looked up in one batch per kind of name, when the items are shown."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import msgspec

from app.domains.auth import public as auth
from app.domains.notification.contracts import Item, ItemView
from app.domains.notification.rules.words import BY_NAME, Kind, Said, say
from app.domains.provisioning import public as provisioning
from app.shared import formats
from app.shared.context import Context

BECAUSE = {
    "exhausted": "The credit is used up.",
    "operator": "An operator of Berth had to take it back.",
    "failing": "It has not answered well for days.",
    "gone": "Its receiver said that it is gone for good (410).",
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


async def describe(ctx: Context, items: Sequence[Item], time_zone: str = "UTC") -> list[ItemView]:
    """The items as people read them; those of a kind that this release does not know are left out."""
    machines = await provisioning.machines_by_id(ctx, _ids(items, "allocation_id"))
    people = await auth.people(ctx, _ids(items, "user_id"))
    machine_names = {machine_id: machine.name for machine_id, machine in machines.items()}
    person_names = {person_id: person.name for person_id, person in people.items()}
    views = []
    for item in items:
        kind = BY_NAME.get(item.kind)
        if kind is not None:
            said = fill(kind, item.facts, machine_names, person_names, item.occurred_at, time_zone)
            views.append(_view(item, said))
    return views


def fill(
    kind: Kind,
    facts: dict[str, object],
    machines: dict[UUID, str],
    people: dict[UUID, str],
    at: datetime,
    time_zone: str,
) -> Said:
    """One kind's words with the facts and names in them."""
    values = {name: str(value) for name, value in facts.items()}
    machine, person = _uuid(facts.get("allocation_id")), _uuid(facts.get("user_id"))
    values["machine"] = machines.get(machine, "A machine") if machine else "A machine"
    values["person"] = people.get(person, "Somebody") if person else "Somebody"
    values["because"] = BECAUSE.get(str(facts.get("reason")), "")
    values["role"] = ROLES.get(str(facts.get("role")), "something else")
    amount, seconds, ends = facts.get("amount"), facts.get("runway_seconds"), facts.get("empties_at")
    values["amount"] = formats.money(amount, str(facts.get("currency", "USD"))) if isinstance(amount, int) else ""
    values["runway"] = formats.runway(seconds) if isinstance(seconds, int) else "not long"
    values["empties"] = "soon"
    if isinstance(ends, str):
        values["empties"] = formats.moment(msgspec.convert(ends, datetime), at, time_zone)
    return say(kind, values)


def _view(item: Item, said: Said) -> ItemView:
    return ItemView(
        id=item.id,
        kind=item.kind,
        title=said.title,
        text=said.text,
        href=said.href,
        state=said.state,
        occurred_at=item.occurred_at,
        read=item.read_at is not None,
    )


def _ids(items: Sequence[Item], name: str) -> set[UUID]:
    found = (_uuid(item.facts.get(name)) for item in items)
    return {value for value in found if value is not None}


def _uuid(value: object) -> UUID | None:
    try:
        return UUID(str(value)) if value is not None else None
    except ValueError:
        return None
