"""The announcements of this process: read at most every five seconds, however many pages are drawn."""

import time

from app.domains.admin.contracts.operations import AnnouncementView
from app.domains.admin.repository.announcements import AnnouncementRepository
from app.shared.context import Context, Runtime

SECONDS = 5.0


class Board:
    """One per process. An announcement appears, and goes, within five seconds."""

    def __init__(self, runtime: Runtime) -> None:
        self._shown: list[AnnouncementView] = []
        self._read_at = 0.0

    async def shown(self, ctx: Context, *, operator: bool) -> list[AnnouncementView]:
        """What is on pages now for operators, or for customers."""
        if not self._read_at or time.monotonic() - self._read_at > SECONDS:
            self._shown = await AnnouncementRepository(ctx.session).list_shown(await ctx.now())
            self._read_at = time.monotonic()
        wanted = ("everybody", "operators" if operator else "customers")
        return [said for said in self._shown if said.audience in wanted]

    def forget(self) -> None:
        """Read anew with the next page."""
        self._read_at = 0.0

    async def aclose(self) -> None:
        """Nothing is held."""
