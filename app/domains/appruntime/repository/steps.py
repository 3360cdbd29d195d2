"""SQL about the steps of an app's runs and how long such steps took before."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import text

from app.domains.appruntime.contracts import AppView, StepView
from app.shared.db.repository import Repository
from app.shared.ids import new_id

BEGIN = text("""
    INSERT INTO appruntime.app_instance_events (id, tenant_id, project_id, app_id, run, step, label, state, started_at)
    VALUES (:id, :tenant_id, :project_id, :app_id, :run, :step, :label, 'in_progress', :now)
    ON CONFLICT (app_id, run, step) DO NOTHING RETURNING id
""")
FINISH = text("""
    UPDATE appruntime.app_instance_events SET state = :state, detail = :detail, finished_at = :now
    WHERE app_id = :app_id AND run = :run AND step = :step AND state = 'in_progress' RETURNING id
""")
FINISH_ALL = text("""
    UPDATE appruntime.app_instance_events SET state = :state, detail = :detail, finished_at = :now
    WHERE app_id = :app_id AND state = 'in_progress'
""")
STEPS = text("""
    SELECT run, step, label, state, detail, started_at, finished_at FROM appruntime.app_instance_events
    WHERE app_id = :app_id ORDER BY started_at, id
""")
# The middle of the last twenty that really did something.
USUAL = text("""
    SELECT step, percentile_cont(0.5) WITHIN GROUP (ORDER BY seconds) AS seconds FROM (
        SELECT e.step, extract(epoch FROM e.finished_at - e.started_at) AS seconds,
               row_number() OVER (PARTITION BY e.step ORDER BY e.started_at DESC) AS place
        FROM (SELECT id FROM appruntime.app_instances WHERE manifest_id = :manifest_id ORDER BY id DESC LIMIT 50) a
        JOIN appruntime.app_instance_events e ON e.app_id = a.id
        WHERE e.state = 'active' AND e.detail = '' AND e.finished_at IS NOT NULL
    ) runs WHERE place <= 20 GROUP BY step
""")


class StepRepository(Repository):
    """Bound to one unit of work."""

    async def begin(self, app: AppView, step: str, label: str, at: datetime) -> bool:
        """Note that a step of the present run began, once. Whether it is new."""
        values = {
            "id": new_id(), "tenant_id": app.tenant_id, "project_id": app.project_id, "app_id": app.id, "run": app.run,
            "step": step, "label": label, "now": at,
        }  # fmt: skip
        return (await self._session.execute(BEGIN, values)).one_or_none() is not None

    async def finish(self, app: AppView, step: str, state: str, at: datetime, detail: str = "") -> bool:
        """The step is over. Whether it was under way."""
        values = {"app_id": app.id, "run": app.run, "step": step, "state": state, "detail": detail[:300], "now": at}
        return (await self._session.execute(FINISH, values)).one_or_none() is not None

    async def stop(self, app_id: UUID, state: str, at: datetime, detail: str = "") -> None:
        """Whatever is under way ends in `state` (failed | ended)."""
        values = {"app_id": app_id, "state": state, "detail": detail[:300], "now": at}
        await self._session.execute(FINISH_ALL, values)

    async def steps(self, app_id: UUID) -> list[StepView]:
        """Of all runs, oldest first."""
        return await self._list_views(StepView, STEPS, app_id=app_id)

    async def usual_seconds(self, manifest_id: UUID) -> dict[str, float]:
        """How long each step took before; one that never ran is absent."""
        rows = await self._session.execute(USUAL, {"manifest_id": manifest_id})
        return {row.step: float(row.seconds) for row in rows}
