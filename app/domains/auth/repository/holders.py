"""SQL about who holds which role in an organisation, for other domains' decisions about people."""

from uuid import UUID

from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncSession

HOLDERS = text("""
    SELECT m.user_id, m.role, m.project_id
    FROM auth.memberships m JOIN auth.users u ON u.id = m.user_id
    WHERE m.tenant_id = :tenant_id AND u.suspended_at IS NULL
    ORDER BY m.user_id, m.role, m.project_id
""")


VERIFIED = text("SELECT id, email FROM auth.users WHERE id = ANY(:ids) AND email_verified AND suspended_at IS NULL")


async def list_verified(session: AsyncSession, ids: list[UUID]) -> list[Row[tuple[object, ...]]]:
    """Addresses that their owners have proved to be theirs."""
    return list(await session.execute(VERIFIED, {"ids": ids}))


async def list_holders(session: AsyncSession, tenant_id: UUID) -> list[Row[tuple[object, ...]]]:
    """People (no service accounts, nobody suspended) with each of their roles."""
    return list(await session.execute(HOLDERS, {"tenant_id": tenant_id}))
