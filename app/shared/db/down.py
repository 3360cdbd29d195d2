"""Tells a database that cannot be had from a statement that failed."""

from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolExhausted


def database_down(error: BaseException) -> bool:
    """Whether `error` says that the database cannot be had, and nothing about what it was asked."""
    if isinstance(error, PoolExhausted):
        return True
    if not isinstance(error, DBAPIError):
        return False
    state = getattr(error.orig, "sqlstate", None)
    return error.connection_invalidated or state is None or state[:2] in {"08", "53"} or state[:3] == "57P"
