"""Images, and which node has which one warm."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncSession

from app.domains.inventory.contracts import ImageId, ImageView, NewImage

IMAGES = text("""
    SELECT id, code, title, osystem, distro_series, is_default, retired_at, version FROM inventory.os_images
    WHERE retired_at IS NULL ORDER BY is_default DESC, code
""")
IMAGE = text("""
    SELECT id, code, title, osystem, distro_series, is_default, retired_at, version FROM inventory.os_images
    WHERE code = :code OR (CAST(:code AS text) IS NULL AND is_default)
""")
INSERT_IMAGE = text("""
    INSERT INTO inventory.os_images (id, code, title, osystem, distro_series, is_default)
    VALUES (:id, :code, :title, :osystem, :distro_series, :is_default) ON CONFLICT DO NOTHING RETURNING id
""")
DROP_DEFAULT = text("UPDATE inventory.os_images SET is_default = false, version = version + 1 WHERE is_default")
WARM = text("""
    INSERT INTO inventory.node_image_cache (node_id, image_id, warmed_at, last_used_at)
    VALUES (:node_id, :image_id, :now, :now)
    ON CONFLICT (node_id, image_id) DO UPDATE SET last_used_at = excluded.last_used_at
""")
CODE = text("SELECT code FROM inventory.os_images WHERE id = :id")
FORGET_WARM = text("DELETE FROM inventory.node_image_cache WHERE node_id = :node_id")


async def list_images(session: AsyncSession) -> list[ImageView]:
    """Images on offer, the default first."""
    return [view(row) for row in await session.execute(IMAGES)]


async def find_image(session: AsyncSession, code: str | None) -> ImageView | None:
    """The image of that code, retired ones too; the default one for None."""
    row = (await session.execute(IMAGE, {"code": code})).one_or_none()
    return None if row is None else view(row)


async def append_image(session: AsyncSession, image_id: UUID, new: NewImage) -> bool:
    """Whether the image was added; False when the code exists. A new default replaces the old one."""
    if new.is_default:
        await session.execute(DROP_DEFAULT)
    values = {
        "id": image_id,
        "code": new.code,
        "title": new.title,
        "osystem": new.osystem,
        "distro_series": new.distro_series,
        "is_default": new.is_default,
    }
    return await session.scalar(INSERT_IMAGE, values) is not None


async def upsert_warm(session: AsyncSession, node_id: UUID, image_id: UUID, now: datetime) -> None:
    """The node used the image at `now`."""
    await session.execute(WARM, {"node_id": node_id, "image_id": image_id, "now": now})


async def code_of(session: AsyncSession, image_id: UUID) -> str:
    """The image's code; empty for an unknown one."""
    return str(await session.scalar(CODE, {"id": image_id}) or "")


async def forget_warm(session: AsyncSession, node_id: UUID) -> None:
    """The node was rebuilt: nothing is warm on it."""
    await session.execute(FORGET_WARM, {"node_id": node_id})


def view(row: Row[tuple[object, ...]]) -> ImageView:
    return ImageView(
        id=ImageId(row.id),
        code=row.code,
        title=row.title,
        osystem=row.osystem,
        distro_series=row.distro_series,
        is_default=row.is_default,
        retired=row.retired_at is not None,
        version=row.version,
    )
