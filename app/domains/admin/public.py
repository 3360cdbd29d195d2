"""What the portal calls: the announcements that pages show."""

from app.domains.admin.contracts import AnnouncementView
from app.domains.admin.service.announcements import AnnouncementCache
from app.shared.context import Context


async def announcements(ctx: Context, *, operator: bool) -> list[AnnouncementView]:
    """The announcements that pages show now; read at most every five seconds in a process."""
    return await ctx.runtime.part(AnnouncementCache).shown(ctx, operator=operator)
