"""SQL about app instances."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import msgspec
from sqlalchemy import Executable, text

from app.domains.appruntime.contracts import AppView
from app.shared.authz import ProjectScope
from app.shared.db.repository import Repository
from app.shared.errors import NotFound

SELECT = """
    SELECT id, handle, tenant_id, project_id, allocation_id, user_id, manifest_id, slug, manifest_version, title, name,
           login, state, wanted, run, state_changed_at, exit_code, failure_text, correlation_id, requested_at,
           running_at, ended_at, version
    FROM appruntime.app_instances
"""
LOCK_PROJECT = text("SELECT pg_advisory_xact_lock(hashtextextended('apps:' || CAST(:project_id AS text), 0))")
INSERT = text("""
    INSERT INTO appruntime.app_instances
        (id, handle, tenant_id, project_id, allocation_id, user_id, manifest_id, slug, manifest_version, title, name,
         login, state, wanted, run, state_changed_at, exit_code, failure_text, correlation_id, requested_at, running_at,
         ended_at, version)
    VALUES (:id, :handle, :tenant_id, :project_id, :allocation_id, :user_id, :manifest_id, :slug, :manifest_version,
            :title, :name, :login, :state, :wanted, :run, :state_changed_at, :exit_code, :failure_text, :correlation_id,
            :requested_at, :running_at, :ended_at, :version)
""")
BY_ID = text(SELECT + " WHERE id = :id")
LOCK = text(SELECT + " WHERE id = :id FOR UPDATE")
IN_PROJECT = text(SELECT + " WHERE id = :id AND tenant_id = :tenant_id AND project_id = :project_id")
BY_HANDLE = text(SELECT + " WHERE handle = :handle")
BY_IDS = text(SELECT + " WHERE id = ANY(:ids)")
PAGE_OF_MEMBER = """
    WHERE tenant_id = :tenant_id AND project_id = :project_id AND (CAST(:before AS uuid) IS NULL OR id < :before)
      AND (CAST(:allocation_id AS uuid) IS NULL OR allocation_id = :allocation_id)
      AND (NOT :live OR ended_at IS NULL)
      AND (CAST(:member AS uuid) IS NULL
           OR id IN (SELECT app_id FROM appruntime.app_instance_members
                     WHERE tenant_id = :tenant_id AND project_id = :project_id AND user_id = :member))
    ORDER BY id DESC LIMIT :limit
"""
PAGE = text(SELECT + PAGE_OF_MEMBER)
NAMES = text("""
    SELECT name FROM appruntime.app_instances
    WHERE tenant_id = :tenant_id AND project_id = :project_id AND ended_at IS NULL
""")
ON_MACHINE = text(SELECT + " WHERE allocation_id = :allocation_id AND ended_at IS NULL ORDER BY id FOR UPDATE")
WATCHED = text(
    SELECT
    + """
    WHERE ended_at IS NULL
      AND (state = 'running' OR (state IN ('stopped', 'failed') AND state_changed_at > :since))
      AND (CAST(:after_id AS uuid) IS NULL OR (allocation_id, id) > (CAST(:after_machine AS uuid), :after_id))
    ORDER BY allocation_id, id LIMIT :limit
    """
)
STUCK = text(
    SELECT
    + """
    WHERE ended_at IS NULL AND state IN ('requested', 'installing', 'starting', 'stopping')
      AND state_changed_at < :before AND (CAST(:after AS uuid) IS NULL OR id > :after) ORDER BY id LIMIT :limit
    """
)
CHANGE = text("""
    UPDATE appruntime.app_instances
    SET state = :state, wanted = :wanted, run = :run, exit_code = :exit_code, failure_text = :failure_text,
        running_at = :running_at, ended_at = :ended_at, version = version + 1,
        state_changed_at = CASE WHEN state = :state THEN state_changed_at ELSE :now END
    WHERE id = :id AND version = :version RETURNING version, state_changed_at
""")
CHANGEABLE = ("state", "wanted", "run", "exit_code", "failure_text", "running_at", "ended_at")


class AppRepository(Repository):
    """Bound to one unit of work."""

    async def lock_project(self, project_id: UUID) -> None:
        """So that two launches that come together are counted and named one after the other."""
        await self._session.execute(LOCK_PROJECT, {"project_id": project_id})

    async def append(self, app: AppView) -> None:
        """Raises IntegrityError when a live app of the project has the name."""
        await self._session.execute(INSERT, msgspec.structs.asdict(app))

    async def get(self, app_id: UUID, *, lock: bool = False) -> AppView:
        """For our own workers, which act on an id they were given. Raises NotFound."""
        return await self._get(LOCK if lock else BY_ID, id=app_id)

    async def get_in(self, scope: ProjectScope, app_id: UUID) -> AppView:
        """Raises NotFound also for what belongs to somebody else."""
        return await self._get(IN_PROJECT, id=app_id, tenant_id=scope.tenant_id, project_id=scope.project_id)

    async def find_by_handle(self, handle: str) -> AppView | None:
        """For the proxy, which asks who may next."""
        return await self._find_view(AppView, BY_HANDLE, handle=handle)

    async def list_by_ids(self, ids: Sequence[UUID]) -> list[AppView]:
        return await self._list_views(AppView, BY_IDS, ids=list(ids))

    async def page(
        self,
        scope: ProjectScope,
        *,
        before: UUID | None,
        limit: int,
        member: UUID | None,
        allocation_id: UUID | None = None,
        live: bool = False,
    ) -> list[AppView]:
        """Newest first, from after `before` on; only those of which `member` is one, None means all."""
        values = {
            "tenant_id": scope.tenant_id, "project_id": scope.project_id, "before": before, "limit": limit,
            "member": member, "allocation_id": allocation_id, "live": live,
        }  # fmt: skip
        return await self._list_views(AppView, PAGE, **values)

    async def live_names(self, scope: ProjectScope) -> set[str]:
        values = {"tenant_id": scope.tenant_id, "project_id": scope.project_id}
        return set(await self._session.scalars(NAMES, values))

    async def lock_on_machine(self, allocation_id: UUID) -> list[AppView]:
        """Everything that is not released there, locked."""
        return await self._list_views(AppView, ON_MACHINE, allocation_id=allocation_id)

    async def list_watched(self, since: datetime, after: AppView | None, limit: int) -> list[AppView]:
        """Those that run, and those that went down after `since`, by machine; the next after that one."""
        values = {"after_machine": after.allocation_id if after else None, "after_id": after.id if after else None}
        return await self._list_views(AppView, WATCHED, since=since, limit=limit, **values)

    async def list_stuck(self, before: datetime, after: UUID | None, limit: int) -> list[AppView]:
        """Those on their way up or down that have not changed since `before`, the next after that one."""
        return await self._list_views(AppView, STUCK, before=before, after=after, limit=limit)

    async def change(self, app: AppView, now: datetime, **changes: object) -> AppView:
        """Write changed fields; the version goes up by one. The row must be locked by the caller."""
        wanted = msgspec.structs.replace(app, **changes)
        values = {field: getattr(wanted, field) for field in CHANGEABLE}
        row = (await self._session.execute(CHANGE, {**values, "id": app.id, "version": app.version, "now": now})).one()
        return msgspec.structs.replace(wanted, version=row.version, state_changed_at=row.state_changed_at)

    async def _get(self, statement: Executable, **values: object) -> AppView:
        app = await self._find_view(AppView, statement, **values)
        if app is None:
            raise NotFound()
        return app
