"""What the frame of every page asks of the console; no domain calls it."""

from app.domains.admin.contracts.operations import AnnouncementView
from app.domains.admin.service.board import Board
from app.shared.context import Context


async def announcements(ctx: Context, *, operator: bool) -> list[AnnouncementView]:
    """What is to be said on pages now; read at most every five seconds in a process."""
    return await ctx.runtime.part(Board).shown(ctx, operator=operator)
