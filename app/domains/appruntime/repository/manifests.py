"""Published manifests. There is no statement that changes one."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import bindparam, literal_column, select
from sqlalchemy.dialects.postgresql import insert

from app.domains.appruntime.contracts import ManifestView
from app.domains.appruntime.models import AppManifest
from app.domains.appruntime.rules.manifests import Manifest
from app.shared.db.base import Json
from app.shared.db.repository import Repository, columns
from app.shared.errors import NotFound

EACH = select(*columns(ManifestView, AppManifest))
ONE = EACH.where(AppManifest.slug == bindparam("slug"), AppManifest.version == bindparam("version"))
BY_ID = EACH.where(AppManifest.id == bindparam("id"))
ALL = select(*columns(ManifestView, AppManifest, body=literal_column("body - 'files'", Json))).order_by(
    AppManifest.slug, AppManifest.published_at.desc(), AppManifest.id.desc()
)


class ManifestRepository(Repository):
    """Manifests belong to the platform, so reads have no scope."""

    async def append(self, manifest: Manifest, body: dict[str, object], now: datetime) -> None:
        """Publish it, unless that version is there."""
        new = insert(AppManifest).values(
            slug=manifest.slug,
            version=manifest.version,
            title=manifest.title,
            summary=manifest.summary,
            kind=manifest.kind,
            body=body,
            published_at=now,
        )
        await self._session.execute(new.on_conflict_do_nothing(index_elements=["slug", "version"]))

    async def get(self, slug: str, version: str) -> ManifestView:
        """Raises NotFound."""
        return _one(await self._find_view(ManifestView, ONE, slug=slug, version=version))

    async def get_by_id(self, manifest_id: UUID) -> ManifestView:
        """Raises NotFound."""
        return _one(await self._find_view(ManifestView, BY_ID, id=manifest_id))

    async def list_all(self) -> list[ManifestView]:
        """Every version without its files, the newest of each first."""
        return await self._list_views(ManifestView, ALL)


def _one(found: ManifestView | None) -> ManifestView:
    if found is None:
        raise NotFound()
    return found
