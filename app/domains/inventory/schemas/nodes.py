"""What operators send about a node, and what its page and its history show."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Literal
from uuid import UUID

import msgspec

from app.domains.inventory.contracts import NodeDetail
from app.domains.inventory.repository.history import HistoryRow
from app.domains.inventory.repository.power import PowerAction
from app.domains.inventory.rules.maintenance import difference
from app.domains.inventory.schemas import MAAS_LOOK, SlotKinds, node_look, node_slots
from app.domains.inventory.service.maintenance import DrainNode, PlanMaintenance, RetireNode
from app.domains.inventory.service.power import PowerNode
from app.shared.errors import ValidationFailed
from app.shared.numbers import whole_number
from app.web.show_code import ApiCall, call

LINE = tuple[str, str, str, UUID | None, str, datetime]  # look, what, detail, allocation, who, when
# kind of a line of the history -> (how it looks, what it says)
HAPPENED: Mapping[str, tuple[str, str]] = {
    "imported": ("ready", "imported from MAAS"),
    "seen_again": ("ready", "shown by MAAS again"),
    "missing": ("failed", "no longer shown by MAAS"),
    "type_changed": ("attention", "its type changed"),
    "claimed": ("active", "taken"),
    "freed": ("ended", "freed"),
    "deployed": ("active", "installed"),
    "cordoned": ("attention", "cordoned"),
    "uncordoned": ("ready", "uncordoned"),
    "draining": ("attention", "being drained"),
    "drained": ("ready", "empty: drained"),
    "quarantined": ("failed", "quarantined"),
    "quarantine_lifted": ("ready", "quarantine lifted"),
    "maintenance_planned": ("waiting", "maintenance planned"),
    "maintenance_began": ("attention", "maintenance began"),
    "maintenance_ended": ("ready", "maintenance ended"),
    "maintenance_canceled": ("ended", "maintenance called off"),
    "retired": ("ended", "retired"),
    "power_on": ("active", "switched on"),
    "power_off": ("ended", "switched off"),
    "power_cycle": ("active", "switched off and on"),
}


class DrainBody(msgspec.Struct, kw_only=True):
    """`hours`: the deadline for present tenants; null for none."""

    reason: str
    hours: int | None = None


class MaintenanceBody(msgspec.Struct, kw_only=True):
    """`starts_at` null means now."""

    reason: str
    ends_at: datetime
    starts_at: datetime | None = None


class PowerBody(msgspec.Struct, kw_only=True):
    """`confirm_name`: the host name, required while the node is in use. A query needs no reason."""

    action: PowerAction
    reason: str = ""
    confirm_name: str | None = None


class DrainForm(msgspec.Struct, kw_only=True):
    reason: str = ""
    hours: str = ""

    def command(self, node_id: UUID) -> DrainNode:
        """Raises ValidationFailed for a deadline that is no number."""
        hours = whole_number(self.hours)
        if self.hours and hours is None:
            raise ValidationFailed(fields={"hours": "Give the deadline in whole hours, or leave it empty"})
        return DrainNode(node_id=node_id, reason=self.reason, hours=hours)


class MaintenanceForm(msgspec.Struct, kw_only=True):
    """Times as a browser sends them, without a zone: they are UTC, as the page says."""

    reason: str = ""
    starts_at: str = ""
    ends_at: str = ""

    def command(self, node_id: UUID) -> PlanMaintenance:
        """Raises ValidationFailed for what is no time."""
        ends = instant(self.ends_at, "ends_at")
        if ends is None:
            raise ValidationFailed(fields={"ends_at": "Say when the work ends"})
        return PlanMaintenance(
            node_id=node_id, reason=self.reason, ends_at=ends, starts_at=instant(self.starts_at, "starts_at")
        )


class PowerForm(msgspec.Struct, kw_only=True):
    action: Literal["on", "off", "cycle", "query"] = "query"
    reason: str = ""
    confirm_name: str = ""

    def command(self, node_id: UUID) -> PowerNode:
        return PowerNode(node_id=node_id, action=self.action, reason=self.reason, confirm_name=self.confirm_name)


class RetireForm(msgspec.Struct, kw_only=True):
    reason: str = ""
    confirm_name: str = ""

    def command(self, node_id: UUID) -> RetireNode:
        return RetireNode(node_id=node_id, reason=self.reason, confirm_name=self.confirm_name)


class HistoryAnswer(msgspec.Struct, kw_only=True):
    """Newest first; pass `next_cursor` as `cursor` for what was before."""

    items: list[HistoryRow]
    next_cursor: UUID | None

    @classmethod
    def of(cls, rows: Sequence[HistoryRow], limit: int) -> "HistoryAnswer":
        """A page for programs; one row more than `limit` was requested."""
        kept = list(rows[:limit])
        return cls(items=kept, next_cursor=kept[-1].id if len(rows) > limit else None)


class NodeDetailPage(msgspec.Struct, frozen=True, kw_only=True):
    """One node for an operator. `difference`: where we and MAAS do not agree."""

    node: NodeDetail
    slots: SlotKinds
    look: tuple[str, str]
    maas_look: tuple[str, str]
    taken: int
    difference: str | None
    history: tuple[LINE, ...]
    may_manage: bool
    may_see_machines: bool
    starts_at: str
    ends_at: str
    call: ApiCall

    @classmethod
    def of(
        cls,
        node: NodeDetail,
        history: Sequence[HistoryRow],
        names: Mapping[UUID, str],
        now: datetime,
        *,
        may_manage: bool,
        may_see_machines: bool,
    ) -> "NodeDetailPage":
        """One node with its shapes."""
        holders = [slot.allocation_id for slot in node.slots]
        cordoned = node.cordoned_at is not None
        look = node_look(node.state, holders, cordoned=cordoned, matched=node.sku_id is not None)
        whole = now.replace(minute=0, second=0, microsecond=0) + timedelta(hours=1)
        return cls(
            node=node,
            slots=node_slots(holders, node.state, cordoned=cordoned),
            look=("attention", "draining") if node.drain_since and look[1] == "cordoned" else look,
            maas_look=MAAS_LOOK.get(node.maas_state, ("attention", node.maas_state)),
            taken=sum(holder is not None for holder in holders),
            difference=difference(node),
            history=tuple(_line(row, names) for row in history),
            may_manage=may_manage,
            may_see_machines=may_see_machines,
            starts_at=f"{whole:%Y-%m-%dT%H:%M}",
            ends_at=f"{whole + timedelta(hours=2):%Y-%m-%dT%H:%M}",
            call=call(
                "POST",
                f"/api/v1/admin/nodes/{node.id}/drain",
                DrainBody(reason="disk 3 is failing", hours=24),
                cli=("admin", "nodes", "drain", node.hostname, "--reason", "disk 3 is failing", "--hours", "24"),
            ),
        )


def instant(text: str, field: str) -> datetime | None:
    """`2026-11-24T22:00` as UTC; None for nothing. Raises ValidationFailed."""
    if not text.strip():
        return None
    try:
        at = datetime.fromisoformat(text.strip())
        return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise ValidationFailed(fields={field: "Write it as 2026-11-24T22:00, in UTC"}) from error


def _line(row: HistoryRow, names: Mapping[UUID, str]) -> LINE:
    look, word = HAPPENED.get(row.kind, ("ended", row.kind.replace("_", " ")))
    who = names.get(row.actor_id, "somebody") if row.actor_id else ""
    return look, word, row.detail, row.allocation_id, who, row.occurred_at
