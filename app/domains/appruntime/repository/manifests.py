"""SQL about published manifests. There is no statement that changes one."""

from datetime import datetime
from uuid import UUID

import msgspec
from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncSession

from app.domains.appruntime.contracts import ManifestId, ManifestView
from app.domains.appruntime.rules.manifests import Manifest
from app.shared.errors import NotFound
from app.shared.ids import new_id

APPEND = text("""
    INSERT INTO appruntime.app_manifests (id, slug, version, title, summary, kind, body, published_at)
    VALUES (:id, :slug, :version, :title, :summary, :kind, CAST(:body AS jsonb), :now)
    ON CONFLICT (slug, version) DO NOTHING
""")
SELECT = "SELECT id, slug, version, title, summary, kind, published_at, body FROM appruntime.app_manifests"
ONE = text(SELECT + " WHERE slug = :slug AND version = :version")
BY_ID = text(SELECT + " WHERE id = :id")
ALL = text("""
    SELECT id, slug, version, title, summary, kind, published_at, body - 'files' AS body
    FROM appruntime.app_manifests ORDER BY slug, published_at DESC, id DESC
""")


class ManifestRepository:
    """Bound to one unit of work. Manifests belong to the platform, so reads have no scope."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def append(self, manifest: Manifest, body: dict[str, object], now: datetime) -> None:
        """Publish it, unless that version is there."""
        values = {
            "id": new_id(),
            "slug": manifest.slug,
            "version": manifest.version,
            "title": manifest.title,
            "summary": manifest.summary,
            "kind": manifest.kind,
            "body": msgspec.json.encode(body).decode(),
            "now": now,
        }
        await self._session.execute(APPEND, values)

    async def get(self, slug: str, version: str) -> ManifestView:
        """Raises NotFound."""
        return _one((await self._session.execute(ONE, {"slug": slug, "version": version})).one_or_none())

    async def get_by_id(self, manifest_id: UUID) -> ManifestView:
        """Raises NotFound."""
        return _one((await self._session.execute(BY_ID, {"id": manifest_id})).one_or_none())

    async def list_all(self) -> list[ManifestView]:
        """Every version without its files, the newest of each first."""
        return [_view(row) for row in await self._session.execute(ALL)]


def _view(row: Row[tuple[object, ...]]) -> ManifestView:
    return ManifestView(
        id=ManifestId(row.id),
        slug=row.slug,
        version=row.version,
        title=row.title,
        summary=row.summary,
        kind=row.kind,
        published_at=row.published_at,
        body=row.body,
    )


def _one(row: Row[tuple[object, ...]] | None) -> ManifestView:
    if row is None:
        raise NotFound()
    return _view(row)
