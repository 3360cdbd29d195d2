"""Options that the routes of this domain share: permissions, and parameters common to a page and its API twin."""

from app.shared.authz import Permission
from app.web import requires

CATALOG_READ = requires(Permission.CATALOG_READ)
PLATFORM_CATALOG_MANAGE = requires(Permission.PLATFORM_CATALOG_MANAGE)
PLATFORM_CONSOLE = requires(Permission.PLATFORM_CONSOLE)
PLATFORM_NODE_MANAGE = requires(Permission.PLATFORM_NODE_MANAGE)
PLATFORM_NODE_READ = requires(Permission.PLATFORM_NODE_READ)
