"""Events that billing emits: ids and amounts only."""

from datetime import datetime
from uuid import UUID

from app.shared.events import Event, event


@event("billing.account.changed", aggregate="tenant_id")
class AccountChanged(Event, frozen=True, kw_only=True):
    """The money of a tenant changed: balance, holds or burn rate. Amounts are micro-units."""

    tenant_id: UUID
    available: int
    held: int
    burn_per_hour: int
    currency: str
    cause: str  # payment | promotion | hold | hold_released | usage | metering_started | metering_ended | refund | …


@event("billing.tenant.runway_low", aggregate="tenant_id")
class RunwayLow(Event, frozen=True, kw_only=True):
    """The runway fell below a threshold; emitted once on the way down."""

    tenant_id: UUID
    level: str  # notice | warning | critical
    threshold_seconds: int
    runway_seconds: int
    empties_at: datetime


@event("billing.tenant.runway_recovered", aggregate="tenant_id")
class RunwayRecovered(Event, frozen=True, kw_only=True):
    """The runway rose above a threshold, so the warnings below this level may be emitted again."""

    tenant_id: UUID
    level: str  # fine | notice | warning


@event("billing.tenant.exhausted", aggregate="tenant_id")
class TenantExhausted(Event, frozen=True, kw_only=True):
    """The money for running machines ends within the release margin: they must be released now."""

    tenant_id: UUID
    funds: int
    burn_per_hour: int
