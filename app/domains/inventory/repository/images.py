"""Images, and which node has which one warm."""

from datetime import datetime
from uuid import UUID

import msgspec
from sqlalchemy import bindparam, delete, func, select, text, update
from sqlalchemy.dialects.postgresql import insert

from app.domains.inventory.contracts import ImageView, NewImage
from app.domains.inventory.models import NodeImageCache, OsImage
from app.shared.authz import PlatformScope
from app.shared.db.repository import Repository, columns


class WarmNode(msgspec.Struct, frozen=True, kw_only=True):
    """An image that a node of the type has deployed before."""

    node_id: UUID
    hostname: str
    image_code: str
    last_used_at: datetime


class AdminImage(msgspec.Struct, frozen=True, kw_only=True):
    """An image, and on how many nodes it is warm."""

    image: ImageView
    warm_nodes: int


VIEW = columns(ImageView, OsImage, retired=OsImage.retired_at.is_not(None))
EACH = select(*VIEW)
ON_OFFER = EACH.where(OsImage.retired_at.is_(None)).order_by(OsImage.is_default.desc(), OsImage.code)
BY_CODE = EACH.where(OsImage.code == bindparam("code"))
DEFAULT = EACH.where(OsImage.is_default)
LOCK = EACH.where(OsImage.id == bindparam("id")).with_for_update()
CODE = select(OsImage.code).where(OsImage.id == bindparam("id"))
WARM_NODES = select(func.count()).where(NodeImageCache.image_id == OsImage.id).scalar_subquery()
ALL = select(*VIEW, WARM_NODES.label("warm_nodes")).order_by(
    OsImage.retired_at.is_not(None), OsImage.is_default.desc(), OsImage.code
)
DROP_DEFAULT = update(OsImage).where(OsImage.is_default).values(is_default=False, version=OsImage.version + 1)
UPSERT_WARM = text("""
    INSERT INTO inventory.node_image_cache (node_id, image_id, warmed_at, last_used_at)
    VALUES (:node_id, :image_id, :now, :now)
    ON CONFLICT (node_id, image_id) DO UPDATE SET last_used_at = excluded.last_used_at
""")
WARM = text("""
    SELECT n.id AS node_id, n.hostname, i.code AS image_code, c.last_used_at
    FROM inventory.nodes n JOIN inventory.node_image_cache c ON c.node_id = n.id
    JOIN inventory.os_images i ON i.id = c.image_id
    WHERE n.sku_id = :sku_id AND n.state <> 'retired' ORDER BY n.hostname, i.code LIMIT 2000
""")


class ImageRepository(Repository):
    """Images on offer and retired ones; at most one is the default."""

    async def list_images(self) -> list[ImageView]:
        """Images on offer, the default first."""
        return await self._list_views(ImageView, ON_OFFER)

    async def list_all(self, scope: PlatformScope) -> list[AdminImage]:
        """Every image, those on offer first."""
        rows = (await self._session.execute(ALL)).mappings()
        return [AdminImage(image=msgspec.convert(dict(row), ImageView), warm_nodes=row["warm_nodes"]) for row in rows]

    async def find_image(self, code: str | None) -> ImageView | None:
        """The image of that code, retired ones too; the default one for None."""
        if code is None:
            return await self._find_view(ImageView, DEFAULT)
        return await self._find_view(ImageView, BY_CODE, code=code)

    async def find_code(self, image_id: UUID) -> str | None:
        """The image's code."""
        code: str | None = await self._session.scalar(CODE, {"id": image_id})
        return code

    async def append_image(self, image_id: UUID, new: NewImage) -> bool:
        """Whether the image was added; False when the code exists. A new default replaces the old one."""
        if new.is_default:
            await self._session.execute(DROP_DEFAULT)
        image = insert(OsImage).values(
            id=image_id,
            code=new.code,
            title=new.title,
            osystem=new.osystem,
            distro_series=new.distro_series,
            is_default=new.is_default,
        )
        return await self._session.scalar(image.on_conflict_do_nothing().returning(OsImage.id)) is not None

    async def lock_image(self, scope: PlatformScope, image_id: UUID) -> ImageView | None:
        """An image under its lock."""
        return await self._find_view(ImageView, LOCK, id=image_id)

    async def update_image(self, image: ImageView, now: datetime) -> int:
        """Write it; a new default takes the place of the old one. Its new version."""
        if image.is_default:
            await self._session.execute(DROP_DEFAULT)
        changed = update(OsImage).where(OsImage.id == image.id)
        changed = changed.values(
            title=image.title,
            is_default=image.is_default,
            retired_at=func.coalesce(OsImage.retired_at, now) if image.retired else None,
            version=OsImage.version + 1,
        )
        return (await self._session.execute(changed.returning(OsImage.version))).scalar_one()

    async def upsert_warm(self, node_id: UUID, image_id: UUID, now: datetime) -> None:
        """The node used the image at `now`."""
        await self._session.execute(UPSERT_WARM, {"node_id": node_id, "image_id": image_id, "now": now})

    async def list_warm_nodes(self, scope: PlatformScope, sku_id: UUID) -> list[WarmNode]:
        """Which machines of the type have which image warm."""
        return await self._list_views(WarmNode, WARM, sku_id=sku_id)

    async def forget_warm(self, node_id: UUID) -> None:
        """The node was rebuilt: nothing is warm on it."""
        await self._session.execute(delete(NodeImageCache).where(NodeImageCache.node_id == node_id))
