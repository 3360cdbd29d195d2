"""SQL about webhook endpoints. What people see demands the tenant's scope; secrets leave only for our own jobs."""

from datetime import datetime
from uuid import UUID

import msgspec
from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncSession

from app.domains.notification.rules.values import EndpointView
from app.shared.authz import TenantScope

COLUMNS = """
    SELECT id, tenant_id, url, description, kinds, state, disabled_reason, failing_since, previous_secret_until,
           created_at, version, sponsor_id, wrapped_secret, wrapped_previous_secret
    FROM notification.webhook_endpoints
    WHERE deleted_at IS NULL
"""
LIST = text(COLUMNS + " AND tenant_id = :tenant_id ORDER BY id DESC LIMIT 1000")
GET = text(COLUMNS + " AND tenant_id = :tenant_id AND id = :id")
LOCK = text(COLUMNS + " AND tenant_id = :tenant_id AND id = :id FOR UPDATE")
COUNT = text("""
    SELECT count(*) FROM notification.webhook_endpoints WHERE tenant_id = :tenant_id AND deleted_at IS NULL
""")
LOCK_TENANT = text("SELECT pg_advisory_xact_lock(hashtextextended('webhooks' || :tenant_id, 7))")
ADD = text("""
    INSERT INTO notification.webhook_endpoints (id, tenant_id, url, description, kinds, wrapped_secret, created_by,
                                                sponsor_id, created_at, updated_at)
    VALUES (:id, :tenant_id, :url, :description, :kinds, :wrapped_secret, :created_by, :created_by, :now, :now)
""")
CHANGE = text("""
    UPDATE notification.webhook_endpoints
    SET url = :url, description = :description, kinds = :kinds, state = :state,
        disabled_reason = CASE WHEN :state = 'enabled' THEN NULL ELSE coalesce(disabled_reason, 'customer') END,
        failing_since = CASE WHEN :state = 'enabled' AND state = 'disabled' THEN NULL ELSE failing_since END,
        sponsor_id = :sponsor_id, updated_at = :now, version = version + 1
    WHERE id = :id AND deleted_at IS NULL
""")
SPONSORED = text(COLUMNS + " AND state = 'enabled'")
ROTATE = text("""
    UPDATE notification.webhook_endpoints
    SET wrapped_previous_secret = wrapped_secret, previous_secret_until = :until, wrapped_secret = :wrapped_secret,
        updated_at = :now, version = version + 1
    WHERE id = :id AND deleted_at IS NULL
""")
REMOVE = text("""
    UPDATE notification.webhook_endpoints
    SET deleted_at = :now, state = 'disabled', disabled_reason = 'removed', updated_at = :now, version = version + 1
    WHERE id = :id AND deleted_at IS NULL
""")
OF_TENANT = text(COLUMNS + " AND tenant_id = :tenant_id ORDER BY id")
OF_JOB = text(COLUMNS + " AND id = :id")
WORKED = text("""
    UPDATE notification.webhook_endpoints SET failing_since = NULL WHERE id = :id AND failing_since IS NOT NULL
""")
FAILED = text("""
    UPDATE notification.webhook_endpoints SET failing_since = coalesce(failing_since, :now)
    WHERE id = :id AND deleted_at IS NULL RETURNING failing_since
""")
SWITCH_OFF = text("""
    UPDATE notification.webhook_endpoints
    SET state = 'disabled', disabled_reason = :reason, updated_at = :now, version = version + 1
    WHERE id = :id AND state = 'enabled' AND deleted_at IS NULL RETURNING version
""")


class Endpoint(msgspec.Struct, frozen=True, kw_only=True):
    """One row, with its wrapped secrets."""

    view: EndpointView
    tenant_id: UUID
    wrapped_secret: bytes
    wrapped_previous_secret: bytes | None


class EndpointRepository:
    """Bound to one unit of work."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def list_all(self, scope: TenantScope) -> list[EndpointView]:
        rows = await self._session.execute(LIST, {"tenant_id": scope.tenant_id})
        return [_endpoint(row).view for row in rows]

    async def find(self, scope: TenantScope, endpoint_id: UUID, *, lock: bool = False) -> Endpoint | None:
        values = {"tenant_id": scope.tenant_id, "id": endpoint_id}
        row = (await self._session.execute(LOCK if lock else GET, values)).one_or_none()
        return None if row is None else _endpoint(row)

    async def count_locked(self, scope: TenantScope) -> int:
        """How many the tenant has; another one cannot be added at the same time."""
        await self._session.execute(LOCK_TENANT, {"tenant_id": str(scope.tenant_id)})
        return int(await self._session.scalar(COUNT, {"tenant_id": scope.tenant_id}) or 0)

    async def add(
        self,
        scope: TenantScope,
        endpoint_id: UUID,
        url: str,
        description: str,
        kinds: tuple[str, ...],
        wrapped_secret: bytes,
        created_by: UUID | None,
        now: datetime,
    ) -> None:
        values = {
            "id": endpoint_id,
            "tenant_id": scope.tenant_id,
            "url": url,
            "description": description,
            "kinds": list(kinds),
            "wrapped_secret": wrapped_secret,
            "created_by": created_by,
            "now": now,
        }
        await self._session.execute(ADD, values)

    async def change(self, view: EndpointView, now: datetime) -> None:
        """Write url, description, kinds, state and sponsor of `view`."""
        values = {
            "id": view.id,
            "url": view.url,
            "description": view.description,
            "kinds": list(view.kinds),
            "state": view.state,
            "sponsor_id": view.sponsor_id,
            "now": now,
        }
        await self._session.execute(CHANGE, values)

    async def rotate(self, endpoint_id: UUID, wrapped_secret: bytes, until: datetime, now: datetime) -> None:
        values = {"id": endpoint_id, "wrapped_secret": wrapped_secret, "until": until, "now": now}
        await self._session.execute(ROTATE, values)

    async def remove(self, endpoint_id: UUID, now: datetime) -> None:
        await self._session.execute(REMOVE, {"id": endpoint_id, "now": now})

    async def list_for_event(self, tenant_id: UUID) -> list[EndpointView]:
        """For the consumer that writes deliveries."""
        rows = await self._session.execute(OF_TENANT, {"tenant_id": tenant_id})
        return [_endpoint(row).view for row in rows]

    async def list_enabled(self) -> list[Endpoint]:
        """All that send, for the watch."""
        return [_endpoint(row) for row in await self._session.execute(SPONSORED)]

    async def find_for_delivery(self, endpoint_id: UUID) -> Endpoint | None:
        """For the job that sends."""
        row = (await self._session.execute(OF_JOB, {"id": endpoint_id})).one_or_none()
        return None if row is None else _endpoint(row)

    async def mark_working(self, endpoint_id: UUID) -> None:
        await self._session.execute(WORKED, {"id": endpoint_id})

    async def mark_failing(self, endpoint_id: UUID, now: datetime) -> datetime:
        """Since when it has been failing without a break."""
        since = await self._session.scalar(FAILED, {"id": endpoint_id, "now": now})
        return since if isinstance(since, datetime) else now

    async def switch_off(self, endpoint_id: UUID, reason: str, now: datetime) -> int | None:
        """The new version; None when it was off already."""
        values = {"id": endpoint_id, "reason": reason, "now": now}
        version = await self._session.scalar(SWITCH_OFF, values)
        return None if version is None else int(version)


def _endpoint(row: Row[tuple[object, ...]]) -> Endpoint:
    view = EndpointView(
        id=row.id,
        url=row.url,
        description=row.description,
        kinds=tuple(row.kinds),
        state=row.state,
        disabled_reason=row.disabled_reason,
        failing_since=row.failing_since,
        previous_secret_until=row.previous_secret_until,
        created_at=row.created_at,
        version=row.version,
        sponsor_id=row.sponsor_id,
    )
    previous = row.wrapped_previous_secret
    return Endpoint(
        view=view,
        tenant_id=row.tenant_id,
        wrapped_secret=bytes(row.wrapped_secret),
        wrapped_previous_secret=None if previous is None else bytes(previous),
    )
