"""What operators ask of a node, and what is remembered of it. Instants UTC."""

from datetime import datetime
from typing import Literal
from uuid import UUID

import msgspec

PowerAction = Literal["on", "off", "cycle", "query"]
PowerOutcome = Literal["done", "refused", "unknown"]


class DrainNode(msgspec.Struct, frozen=True, kw_only=True):
    """Give the node no new tenants and let those it has leave; `hours`: by when, None for whenever."""

    node_id: UUID
    reason: str
    hours: int | None = None


class PlanMaintenance(msgspec.Struct, frozen=True, kw_only=True):
    """Work on a node from `starts_at` (None: now) to `ends_at`."""

    node_id: UUID
    reason: str
    ends_at: datetime
    starts_at: datetime | None = None


class EndMaintenance(msgspec.Struct, frozen=True, kw_only=True):
    """Call a window off, or end it early."""

    node_id: UUID
    window_id: UUID


class RetireNode(msgspec.Struct, frozen=True, kw_only=True):
    """Out of service for good. `confirm_name`: what was typed; None from programs."""

    node_id: UUID
    reason: str
    confirm_name: str | None = None


class PowerNode(msgspec.Struct, frozen=True, kw_only=True):
    """Switch a machine. While somebody holds it, `confirm_name` must be its host name."""

    node_id: UUID
    action: PowerAction
    reason: str = ""
    confirm_name: str | None = None


class PowerAsked(msgspec.Struct, frozen=True, kw_only=True):
    """The intent that was written down."""

    request_id: UUID
    system_id: str
    hostname: str


class PowerResult(msgspec.Struct, frozen=True, kw_only=True):
    """What came of it; `power_state` as MAAS told it last."""

    node_id: UUID
    action: PowerAction
    outcome: PowerOutcome
    power_state: str
    maas_state: str
    said: str


class HistoryRow(msgspec.Struct, frozen=True, kw_only=True):
    """One line of a node's history."""

    id: UUID
    node_id: UUID
    occurred_at: datetime
    kind: str
    detail: str
    allocation_id: UUID | None
    actor_kind: str
    actor_id: UUID | None
