"""The table of requests that may be repeated."""

from datetime import datetime

from sqlalchemy import CheckConstraint, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from app.shared.db.base import Base


class IdempotencyKey(Base):
    """A request that may be repeated, and the answer that it got."""

    __tablename__ = "idempotency_keys"
    __table_args__ = (
        CheckConstraint("length(key) BETWEEN 1 AND 200", name="key_check"),
        Index("idempotency_keys_age", "created_at"),
    )

    actor: Mapped[str] = mapped_column(primary_key=True)
    scope: Mapped[str] = mapped_column("place", primary_key=True, server_default="")
    route: Mapped[str] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(primary_key=True)
    body_hash: Mapped[bytes]
    result: Mapped[dict[str, object] | None]
    created_at: Mapped[datetime] = mapped_column(server_default=text("clock_timestamp()"))
