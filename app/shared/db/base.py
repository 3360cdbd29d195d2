"""The base of every model: its schema, the names of its constraints as PostgreSQL gives them, types, UTC instants.

A model is the one description of its table; migrations agree with it (`tests/architecture/test_models.py`). There are
no relationships, so reading an attribute never runs a query.
"""

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any, NewType, get_args
from uuid import UUID

from advanced_alchemy.base import BasicAttributes
from advanced_alchemy.types import DateTimeUTC
from sqlalchemy import ARRAY, BigInteger, Integer, LargeBinary, MetaData, Text, Uuid
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import DeclarativeBase
from sqlalchemy.types import UserDefinedType

NAMES = {
    "pk": "%(table_name)s_pkey",
    "fk": "%(table_name)s_%(column_0_N_name)s_fkey",
    "uq": "%(table_name)s_%(column_0_N_name)s_key",
    "ck": "%(table_name)s_%(constraint_name)s",
}
Json = JSONB(none_as_null=True)
TYPES: dict[object, Any] = {
    str: Text(),
    int: BigInteger(),
    UUID: Uuid(),
    datetime: DateTimeUTC(timezone=True),
    bytes: LargeBinary(),
    dict[str, object]: Json,
    list[str]: ARRAY(Text),
    list[int]: ARRAY(Integer),
}


class Xid8(UserDefinedType[int]):
    """The number of a transaction of PostgreSQL (`xid8`)."""

    cache_ok = True

    def get_col_spec(self, **options: object) -> str:
        return "xid8"


class Base(BasicAttributes, DeclarativeBase):
    """Every table of ours. Its schema is that of the package that declares it."""

    metadata = MetaData(naming_convention=NAMES)
    type_annotation_map = TYPES

    def __init_subclass__(cls, **options: object) -> None:
        given = cls.__dict__.get("__table_args__", ())
        rest, keywords = (given[:-1], given[-1]) if given and isinstance(given[-1], dict) else (given, {})
        cls.__table_args__ = (*rest, {**keywords, "schema": schema_of(cls.__module__)})
        for kind in new_types(cls.__annotations__.values()):
            cls.registry.update_type_annotation_map({kind: TYPES[kind.__supertype__]})
        super().__init_subclass__(**options)

    def __init__(self, **values: object) -> None:
        """A row to add. A column that may be null is, unless it gets a value."""
        for column in self.__table__.columns:
            if column.nullable and column.server_default is None:
                values.setdefault(column.key, None)
        for name, value in values.items():
            if name not in self.__table__.columns:
                raise TypeError(f"{type(self).__name__} has no column {name}")
            setattr(self, name, value)


def new_types(annotations: Iterable[object]) -> Iterator[NewType]:
    """Every NewType within: a column of ids is stored as what the ids are made of."""
    for annotation in annotations:
        if isinstance(annotation, NewType):
            yield annotation
        yield from new_types(get_args(annotation))


def schema_of(module: str) -> str:
    """`app.domains.billing.models` -> `billing`; `app.shared.db.models` -> `shared`."""
    parts = module.split(".")
    return parts[2] if parts[:2] == ["app", "domains"] else parts[1]
