"""Webhook endpoints. What people see demands the tenant's scope; secrets leave only for our own jobs."""

from datetime import datetime
from uuid import UUID

import msgspec
from sqlalchemy import bindparam, select, text

from app.domains.notification.models import WebhookEndpoint
from app.domains.notification.rules.values import EndpointView
from app.shared.authz import TenantScope
from app.shared.db.repository import Repository

EACH = select(WebhookEndpoint).where(WebhookEndpoint.deleted_at.is_(None))
OF_TENANT = EACH.where(WebhookEndpoint.tenant_id == bindparam("tenant_id"))
LIST = OF_TENANT.order_by(WebhookEndpoint.id.desc()).limit(1000)
GET = OF_TENANT.where(WebhookEndpoint.id == bindparam("id"))
LOCK = GET.with_for_update()
FOR_EVENT = OF_TENANT.order_by(WebhookEndpoint.id)
BY_ID = EACH.where(WebhookEndpoint.id == bindparam("id"))
ENABLED = EACH.where(WebhookEndpoint.state == "enabled")
LOCK_TENANT = text("SELECT pg_advisory_xact_lock(hashtextextended('webhooks' || :tenant_id, 7))")
CHANGE = text("""
    UPDATE notification.webhook_endpoints
    SET url = :url, description = :description, kinds = :kinds, state = :state,
        disabled_reason = CASE WHEN :state = 'enabled' THEN NULL ELSE coalesce(disabled_reason, 'customer') END,
        failing_since = CASE WHEN :state = 'enabled' AND state = 'disabled' THEN NULL ELSE failing_since END,
        sponsor_id = :sponsor_id, updated_at = :now, version = version + 1
    WHERE id = :id AND deleted_at IS NULL
""")
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


class EndpointRepository(Repository):
    """Endpoints that were not removed."""

    async def list_all(self, scope: TenantScope) -> list[EndpointView]:
        return [_view(row) for row in await self._list(LIST, tenant_id=scope.tenant_id)]

    async def find(self, scope: TenantScope, endpoint_id: UUID, *, lock: bool = False) -> Endpoint | None:
        return _endpoint(await self._find(LOCK if lock else GET, tenant_id=scope.tenant_id, id=endpoint_id))

    async def count_locked(self, scope: TenantScope) -> int:
        """How many the tenant has; another one cannot be added at the same time."""
        await self._session.execute(LOCK_TENANT, {"tenant_id": str(scope.tenant_id)})
        return await self._rows(WebhookEndpoint).count(
            WebhookEndpoint.tenant_id == scope.tenant_id, WebhookEndpoint.deleted_at.is_(None)
        )

    async def add(self, endpoint: WebhookEndpoint) -> None:
        """Keep a new one."""
        await self._rows(WebhookEndpoint).add(endpoint)

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
        return [_view(row) for row in await self._list(FOR_EVENT, tenant_id=tenant_id)]

    async def list_enabled(self) -> list[Endpoint]:
        """All that send, for the watch."""
        return [endpoint for row in await self._list(ENABLED) if (endpoint := _endpoint(row))]

    async def find_for_delivery(self, endpoint_id: UUID) -> Endpoint | None:
        """For the job that sends."""
        return _endpoint(await self._find(BY_ID, id=endpoint_id))

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


def _view(row: WebhookEndpoint) -> EndpointView:
    return msgspec.convert(row, EndpointView, from_attributes=True)


def _endpoint(row: WebhookEndpoint | None) -> Endpoint | None:
    if row is None:
        return None
    return Endpoint(
        view=_view(row),
        tenant_id=row.tenant_id,
        wrapped_secret=row.wrapped_secret,
        wrapped_previous_secret=row.wrapped_previous_secret,
    )
