"""What the routes of this domain ask for: the permission, and whatever else a page and its twin of the API share."""

from app.shared.authz import Permission
from app.web import requires

CATALOG_READ = requires(Permission.CATALOG_READ)
PLATFORM_CATALOG_MANAGE = requires(Permission.PLATFORM_CATALOG_MANAGE)
PLATFORM_CONSOLE = requires(Permission.PLATFORM_CONSOLE)
PLATFORM_NODE_MANAGE = requires(Permission.PLATFORM_NODE_MANAGE)
PLATFORM_NODE_READ = requires(Permission.PLATFORM_NODE_READ)
