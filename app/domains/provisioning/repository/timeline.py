"""SQL about the steps of an allocation and how long such steps took before."""

from datetime import datetime
from uuid import UUID

import msgspec
from sqlalchemy import text

from app.domains.provisioning.models import Allocation
from app.shared.db.repository import Repository
from app.shared.ids import new_id


class StepView(msgspec.Struct, frozen=True, kw_only=True):
    """One step of a timeline. state: in_progress | active (done) | failed | ended | waiting."""

    step: str
    attempt: int
    state: str
    detail: str
    started_at: datetime | None
    finished_at: datetime | None
    expected_seconds: float | None = None


BEGIN = text("""
    INSERT INTO provisioning.allocation_events (id, tenant_id, project_id, allocation_id, attempt, step, state, detail,
                                                started_at)
    VALUES (:id, :tenant_id, :project_id, :allocation_id, :attempt, :step, 'in_progress', '', :now)
    ON CONFLICT (allocation_id, attempt, step) DO NOTHING
""")
STARTED = text("""
    SELECT started_at FROM provisioning.allocation_events
    WHERE allocation_id = :allocation_id AND attempt = :attempt AND step = :step
""")
DETAIL = text("""
    UPDATE provisioning.allocation_events SET detail = :detail
    WHERE allocation_id = :allocation_id AND attempt = :attempt AND step = :step AND state = 'in_progress'
      AND detail <> :detail
""")
FINISH = text("""
    UPDATE provisioning.allocation_events SET state = :state, detail = COALESCE(CAST(:detail AS text), detail),
           finished_at = :now
    WHERE allocation_id = :allocation_id AND attempt = :attempt AND step = :step AND state = 'in_progress'
""")
FINISH_ALL = text("""
    UPDATE provisioning.allocation_events SET state = :state, finished_at = :now,
           detail = CASE WHEN CAST(:detail AS text) = '' THEN detail ELSE :detail END
    WHERE allocation_id = :allocation_id AND state = 'in_progress'
""")
STEPS = text("""
    SELECT step, attempt, state, detail, started_at, finished_at FROM provisioning.allocation_events
    WHERE allocation_id = :allocation_id ORDER BY started_at, id
""")
# The middle of the last twenty: one slow machine does not bend it.
USUAL = text("""
    SELECT step, percentile_cont(0.5) WITHIN GROUP (ORDER BY seconds) AS seconds FROM (
        SELECT e.step, extract(epoch FROM e.finished_at - e.started_at) AS seconds,
               row_number() OVER (PARTITION BY e.step ORDER BY e.started_at DESC) AS place
        FROM (SELECT id FROM provisioning.allocations
              WHERE sku_id = :sku_id AND image_code = :image_code AND active_at IS NOT NULL
              ORDER BY requested_at DESC LIMIT 20) a
        JOIN provisioning.allocation_events e ON e.allocation_id = a.id
        WHERE e.state = 'active' AND e.finished_at IS NOT NULL
    ) runs WHERE place <= 20 GROUP BY step
""")
READY = text("""
    SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY extract(epoch FROM active_at - requested_at)) FROM (
        SELECT active_at, requested_at FROM provisioning.allocations
        WHERE sku_id = :sku_id AND image_code = :image_code AND active_at IS NOT NULL
        ORDER BY requested_at DESC LIMIT 20
    ) runs
""")


DONE = text("""
    INSERT INTO provisioning.allocation_events (id, tenant_id, project_id, allocation_id, attempt, step, state, detail,
                                                started_at, finished_at)
    VALUES (:id, :tenant_id, :project_id, :allocation_id, :attempt, :step, 'active', :detail, :now, :now)
    ON CONFLICT (allocation_id, attempt, step) DO UPDATE
    SET state = excluded.state, detail = excluded.detail, finished_at = excluded.finished_at
    WHERE allocation_events.state = 'in_progress'
""")


class TimelineRepository(Repository):
    """Bound to one unit of work."""

    async def begin(self, allocation: Allocation, attempt: int, step: str, now: datetime) -> datetime:
        """Note that a step began, once; answers when it really did."""
        place = {"allocation_id": allocation.id, "attempt": attempt, "step": step}
        scope = {"tenant_id": allocation.tenant_id, "project_id": allocation.project_id}
        await self._session.execute(BEGIN, {**place, **scope, "id": new_id(), "now": now})
        started = await self._session.scalar(STARTED, place)
        return started if isinstance(started, datetime) else now

    async def set_detail(self, allocation_id: UUID, attempt: int, step: str, detail: str) -> bool:
        """Whether the text is new."""
        values = {"allocation_id": allocation_id, "attempt": attempt, "step": step, "detail": detail[:300]}
        return await self._changed(DETAIL, **values) > 0

    async def finish(
        self, allocation_id: UUID, attempt: int, step: str, now: datetime, detail: str | None = None
    ) -> None:
        """The step is done well."""
        place = {"allocation_id": allocation_id, "attempt": attempt, "step": step}
        await self._session.execute(FINISH, {**place, "state": "active", "now": now, "detail": detail})

    async def append_done(self, allocation: Allocation, attempt: int, step: str, now: datetime, detail: str) -> None:
        """A step that began and was done in this very transaction."""
        values = {"allocation_id": allocation.id, "tenant_id": allocation.tenant_id, "attempt": attempt, "step": step}
        more = {"id": new_id(), "project_id": allocation.project_id, "now": now, "detail": detail[:300]}
        await self._session.execute(DONE, values | more)

    async def stop(self, allocation_id: UUID, state: str, now: datetime, detail: str = "") -> None:
        """Whatever is under way ends in `state` (failed | ended)."""
        values = {"allocation_id": allocation_id, "state": state, "now": now, "detail": detail[:300]}
        await self._session.execute(FINISH_ALL, values)

    async def steps(self, allocation_id: UUID) -> list[StepView]:
        """Oldest first."""
        return await self._list_views(StepView, STEPS, allocation_id=allocation_id)

    async def usual_seconds(self, sku_id: UUID, image_code: str) -> dict[str, float]:
        """How long each step took in the last runs of that type and image; a step that never ran is absent."""
        rows = await self._session.execute(USUAL, {"sku_id": sku_id, "image_code": image_code})
        return {row.step: float(row.seconds) for row in rows}

    async def usual_ready_seconds(self, sku_id: UUID, image_code: str) -> float | None:
        """From request to running in the last runs of that type and image; None when there were none."""
        value = await self._session.scalar(READY, {"sku_id": sku_id, "image_code": image_code})
        return None if value is None else float(value)
