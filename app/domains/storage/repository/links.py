"""Public links to files."""

from datetime import datetime
from uuid import UUID

import msgspec
from sqlalchemy import Row, text

from app.shared.authz import ProjectScope
from app.shared.authz.rights import Claim
from app.shared.db.repository import Repository
from app.shared.errors import NotFound


class LinkView(msgspec.Struct, frozen=True, kw_only=True):
    """A public link. Its address is not stored."""

    id: UUID
    object_id: UUID
    created_by: UUID | None
    created_at: datetime
    expires_at: datetime


ADD_LINK = text("""
    INSERT INTO storage.storage_links (id, tenant_id, project_id, object_id, created_by, created_at, expires_at)
    VALUES (:id, :tenant_id, :project_id, :object_id, :created_by, :created_at, :expires_at)
""")
LINK = """
    SELECT id, object_id, created_by, created_at, expires_at FROM storage.storage_links
    WHERE tenant_id = :tenant_id AND project_id = :project_id AND """
LIVE_LINKS = text(LINK + "object_id = :object_id AND expires_at > :now AND ended_at IS NULL ORDER BY expires_at")
FOLLOW = text("""
    SELECT id, object_id, created_by, created_at, expires_at, ended_code FROM storage.storage_links WHERE id = :id
""")
CREATORS = text("""
    SELECT DISTINCT created_by, tenant_id, project_id FROM storage.storage_links
    WHERE ended_at IS NULL AND expires_at > :now AND created_by IS NOT NULL
""")
END_LINK = text("""
    UPDATE storage.storage_links SET ended_at = :now, ended_code = :code, ended_by = :by
    WHERE id = :id AND ended_at IS NULL
""")
END_LINKS_OF = text("""
    UPDATE storage.storage_links SET ended_at = :now, ended_code = :code
    WHERE created_by = :creator AND project_id = :project_id AND ended_at IS NULL AND expires_at > :now RETURNING id
""")
GET_LINK = text(LINK + "id = :id")


def _scoped(scope: ProjectScope) -> dict[str, object]:
    return {"tenant_id": scope.tenant_id, "project_id": scope.project_id}


class StoredLink(msgspec.Struct, frozen=True, kw_only=True):
    """A link, and why it ended before it expired; empty when it did not."""

    link: LinkView
    ended_code: str


class LinkRepository(Repository):
    """Links. A method without a scope serves whoever has a key, and the workers."""

    async def append(self, scope: ProjectScope, link: LinkView) -> None:
        await self._session.execute(ADD_LINK, {**_scoped(scope), **msgspec.structs.asdict(link)})

    async def get_in(self, scope: ProjectScope, link_id: UUID) -> LinkView:
        row = await self._find_view(LinkView, GET_LINK, **_scoped(scope), id=link_id)
        if row is None:
            raise NotFound()
        return row

    async def find(self, link_id: UUID) -> StoredLink | None:
        """A link by the id in its key."""
        row = (await self._session.execute(FOLLOW, {"id": link_id})).one_or_none()
        if row is None:
            return None
        fields = {name: value for name, value in row._mapping.items() if name != "ended_code"}
        return StoredLink(link=LinkView(**fields), ended_code=row.ended_code or "")

    async def end(self, link_id: UUID, code: str, by: UUID | None, now: datetime) -> None:
        """End a link before it expires. The first reason is kept."""
        await self._session.execute(END_LINK, {"id": link_id, "code": code, "by": by, "now": now})

    async def list_creators(self, now: datetime) -> list[Row[tuple[object, ...]]]:
        """Creators of working links, with their projects."""
        return list(await self._session.execute(CREATORS, {"now": now}))

    async def end_of(self, claim: Claim, code: str, now: datetime) -> list[UUID]:
        """End the links of a person in a project. Returns their ids."""
        values = {"creator": claim.principal_id, "project_id": claim.project_id, "code": code, "now": now}
        return list(await self._session.scalars(END_LINKS_OF, values))

    async def list_live(self, scope: ProjectScope, object_id: UUID, now: datetime) -> list[LinkView]:
        """Working links, next to expire first."""
        values = {**_scoped(scope), "object_id": object_id, "now": now}
        return await self._list_views(LinkView, LIVE_LINKS, **values)
