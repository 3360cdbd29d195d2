"""One transaction from beginning to end. `commit()` exists only in this package.

It begins with its first statement, commits when the block ends well and rolls back when it raises. Deferred rules are
checked by the commit, so that a broken one fails where it can still be shown to the caller.
"""

from collections.abc import Awaitable, Callable
from contextvars import ContextVar, Token
from types import TracebackType

from app.shared.db.direct import DirectSession

_open_units: ContextVar[int] = ContextVar("berth_open_units", default=0)


class VendorCallInTransaction(RuntimeError):
    """A gateway was called while a transaction was open: money or machines could move and then be rolled back."""


def refuse_open_transaction() -> None:
    """Gateways call this first. Raises VendorCallInTransaction inside a unit of work."""
    if _open_units.get():
        raise VendorCallInTransaction("commit the intent first, then call the vendor")


class UnitOfWork:
    """A session and its transaction; what it writes is seen by others only after a clean end of the block."""

    def __init__(self, session: DirectSession, after_commit: Callable[[], Awaitable[None]] | None = None) -> None:
        self.session = session
        self.wakes_relay = False
        self._after_commit = after_commit
        self._token: Token[int] | None = None

    async def __aenter__(self) -> "UnitOfWork":
        self._token = _open_units.set(_open_units.get() + 1)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if error is None:
                await self.session.commit()
            else:
                await self.session.rollback()
        finally:
            self._release_token()
            await self.session.close()
        if error is None and self.wakes_relay and self._after_commit is not None:
            await self._after_commit()

    def _release_token(self) -> None:
        if self._token is None:
            return
        try:
            _open_units.reset(self._token)
        except ValueError:  # the block was left in another context (a generator dependency's cleanup)
            _open_units.set(0)
        self._token = None
