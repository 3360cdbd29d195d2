"""What the routes of this domain ask for: the permission, and whatever else a page and its twin of the API share."""

from app.shared.authz import Permission
from app.web import requires

PLATFORM_SYSTEM_READ = requires(Permission.PLATFORM_SYSTEM_READ)
STORAGE_READ = requires(Permission.STORAGE_READ)
STORAGE_WRITE = requires(Permission.STORAGE_WRITE)
TERMINAL_OPEN = requires(Permission.TERMINAL_OPEN)
