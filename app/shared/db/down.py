"""Distinguishes an unavailable database from a failed statement."""

from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolExhausted


def database_down(error: BaseException) -> bool:
    """Whether `error` says that the database cannot be had, and nothing about what it was asked."""
    if isinstance(error, PoolExhausted):
        return True
    if not isinstance(error, DBAPIError):
        return False
    state = getattr(error.orig, "sqlstate", None)
    if error.connection_invalidated:
        return True
    if state is None:  # said by the driver: of the connection, or of a value that it cannot send
        return isinstance(error, OperationalError | InterfaceError)
    return state[:2] in {"08", "53"} or state[:3] == "57P"
