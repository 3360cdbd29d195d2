"""Commands to power controllers, and what they answered."""

from datetime import datetime
from typing import Literal, cast
from uuid import UUID

from sqlalchemy import bindparam, select, text, update

from app.domains.inventory.contracts import NodeId
from app.domains.inventory.models import PowerRequest
from app.shared.authz import Actor
from app.shared.db.repository import Repository
from app.shared.ids import new_id

PowerAction = Literal["on", "off", "cycle", "query"]

PowerOutcome = Literal["done", "refused", "unknown"]

OUTCOME = select(PowerRequest.outcome, PowerRequest.asked_at).where(PowerRequest.id == bindparam("id"))
SET_POWER = text("""
    UPDATE inventory.nodes SET power_state = :power, version = version + 1 WHERE id = :id AND power_state <> :power
""")


class PowerRepository(Repository):
    """A request is recorded before it is sent."""

    async def append_request(
        self, node_id: UUID, action: PowerAction, reason: str, *, forced: bool, actor: Actor, now: datetime
    ) -> UUID:
        """Record a request before it is sent to MAAS."""
        request = PowerRequest(
            id=new_id(),
            node_id=NodeId(node_id),
            action=action,
            forced=forced,
            reason=reason,
            asked_by=actor.id,
            asked_at=now,
        )
        return (await self._rows(PowerRequest).add(request)).id

    async def finish_request(self, request_id: UUID, outcome: str, response: str, now: datetime) -> None:
        """Record the outcome; the first one counts."""
        finished = update(PowerRequest).where(PowerRequest.id == request_id, PowerRequest.outcome.is_(None))
        await self._session.execute(finished.values(outcome=outcome, response=response[:300], finished_at=now))

    async def get_outcome(self, request_id: UUID) -> tuple[PowerOutcome | None, datetime]:
        """The outcome of a request, None while it is unknown, and when it was made."""
        row = (await self._session.execute(OUTCOME, {"id": request_id})).one()
        return cast(PowerOutcome | None, row.outcome), row.asked_at

    async def set_power(self, node_id: UUID, power: str) -> None:
        """The power state that was just seen."""
        await self._session.execute(SET_POWER, {"id": node_id, "power": power})
