"""The declarative base: UUIDv7 keys, aware UTC instants, nothing loaded behind one's back."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from advanced_alchemy.types import DateTimeUTC, JsonB
from sqlalchemy import BigInteger, LargeBinary, MetaData, Text, Uuid
from sqlalchemy.orm import DeclarativeBase, mapped_column

metadata = MetaData()

Instant = Annotated[datetime, mapped_column(DateTimeUTC(timezone=True))]
MicroUnits = Annotated[int, mapped_column(BigInteger)]
JsonObject = Annotated[dict[str, object], mapped_column(JsonB)]


class Base(DeclarativeBase):
    """Every table of ours. A model names its schema in `__table_args__` and never leaves its domain."""

    metadata = metadata
    type_annotation_map = {  # noqa: RUF012 - SQLAlchemy's own hook, read once
        str: Text(),
        int: BigInteger(),
        UUID: Uuid(),
        datetime: DateTimeUTC(timezone=True),
        bytes: LargeBinary(),
        dict[str, object]: JsonB,
    }
