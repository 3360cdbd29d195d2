"""What the portal calls: the announcements that pages show."""

from app.domains.admin.service.announcements import TAG as ANNOUNCEMENTS
from app.domains.admin.service.announcements import list_shown as announcements

__all__ = ["ANNOUNCEMENTS", "announcements"]
