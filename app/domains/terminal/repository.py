"""Every SQL statement of the terminal."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import text

from app.domains.terminal.contracts import TerminalView
from app.shared.authz import ProjectScope
from app.shared.db.repository import Repository
from app.shared.errors import NotFound

LOCK_PERSON = text("SELECT pg_advisory_xact_lock(hashtextextended('terminal:' || CAST(:user_id AS text), 0))")
INSERT = text("""
    INSERT INTO terminal.terminal_sessions
        (id, tenant_id, project_id, allocation_id, user_id, session_id, host, opened_at, last_attached_at)
    VALUES (:id, :tenant_id, :project_id, :allocation_id, :user_id, :session_id, :host, :now, :now)
""")
ONE = text("""
    SELECT id, tenant_id, project_id, allocation_id, user_id, session_id, host, opened_at, last_attached_at, ended_at,
           end_code
    FROM terminal.terminal_sessions
    WHERE id = :id AND tenant_id = :tenant_id AND project_id = :project_id AND user_id = :user_id
""")
LIVE = text("""
    SELECT id, tenant_id, project_id, allocation_id, user_id, session_id, host, opened_at, last_attached_at, ended_at,
           end_code
    FROM terminal.terminal_sessions
    WHERE tenant_id = :tenant_id AND project_id = :project_id AND user_id = :user_id AND ended_at IS NULL
    ORDER BY opened_at, id LIMIT 500
""")
TOUCH = text("""
    UPDATE terminal.terminal_sessions SET last_attached_at = :now, version = version + 1 WHERE id = :id
""")
END = text("""
    UPDATE terminal.terminal_sessions SET ended_at = :now, end_code = :code, version = version + 1
    WHERE id = ANY(:ids) AND ended_at IS NULL
""")
END_OF_HOSTS = text("""
    UPDATE terminal.terminal_sessions SET ended_at = :now, end_code = :code, version = version + 1
    WHERE host = ANY(:hosts) AND ended_at IS NULL
""")


class TerminalRepository(Repository):
    """Bound to one unit of work."""

    async def lock_person(self, user_id: UUID) -> None:
        """So that two tabs that open together are counted one after the other."""
        await self._session.execute(LOCK_PERSON, {"user_id": user_id})

    async def append(self, terminal: TerminalView) -> None:
        values = {
            "id": terminal.id,
            "tenant_id": terminal.tenant_id,
            "project_id": terminal.project_id,
            "allocation_id": terminal.allocation_id,
            "user_id": terminal.user_id,
            "session_id": terminal.session_id,
            "host": terminal.host,
            "now": terminal.opened_at,
        }
        await self._session.execute(INSERT, values)

    async def get(self, scope: ProjectScope, user_id: UUID, terminal_id: UUID) -> TerminalView:
        """Raises NotFound for another person's, project's or tenant's."""
        values = {
            "id": terminal_id,
            "tenant_id": scope.tenant_id,
            "project_id": scope.project_id,
            "user_id": user_id,
        }
        terminal = await self._find_view(TerminalView, ONE, **values)
        if terminal is None:
            raise NotFound()
        return terminal

    async def list_live(self, scope: ProjectScope, user_id: UUID) -> list[TerminalView]:
        """A person's shells that nobody has recorded as ended, oldest first."""
        values = {"tenant_id": scope.tenant_id, "project_id": scope.project_id, "user_id": user_id}
        return await self._list_views(TerminalView, LIVE, **values)

    async def touch(self, terminal_id: UUID, now: datetime) -> None:
        """Somebody has it open."""
        await self._session.execute(TOUCH, {"id": terminal_id, "now": now})

    async def end(self, ids: Sequence[UUID], code: str, now: datetime) -> None:
        """Record why these ended; who is recorded already stays as it is."""
        if ids:
            await self._session.execute(END, {"ids": list(ids), "code": code, "now": now})

    async def end_of_hosts(self, hosts: Sequence[str], code: str, now: datetime) -> None:
        """The same for every shell of these terminal hosts."""
        await self._session.execute(END_OF_HOSTS, {"hosts": list(hosts), "code": code, "now": now})
