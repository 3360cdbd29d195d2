"""What the routes of this domain ask for: the permission, and whatever else a page and its twin of the API share."""

from app.shared.authz import Permission
from app.web import MONEY, requires
from app.web.limits import EXPORTS

ACTIVITY_READ = requires(Permission.ACTIVITY_READ)
ACTIVITY_READ_EXPORT = requires(Permission.ACTIVITY_READ, rate=EXPORTS)
PLATFORM_AUDIT_READ = requires(Permission.PLATFORM_AUDIT_READ)
PLATFORM_AUDIT_READ_EXPORT = requires(Permission.PLATFORM_AUDIT_READ, rate=EXPORTS)
PLATFORM_CONSOLE = requires(Permission.PLATFORM_CONSOLE)
PLATFORM_CUSTOMER_MANAGE = requires(Permission.PLATFORM_CUSTOMER_MANAGE)
PLATFORM_CUSTOMER_READ = requires(Permission.PLATFORM_CUSTOMER_READ)
PLATFORM_EVENT_MANAGE = requires(Permission.PLATFORM_EVENT_MANAGE)
PLATFORM_EVENT_READ = requires(Permission.PLATFORM_EVENT_READ)
PLATFORM_MONEY_MANAGE = requires(Permission.PLATFORM_MONEY_MANAGE, rate=MONEY)
PLATFORM_MONEY_READ = requires(Permission.PLATFORM_MONEY_READ)
PLATFORM_POLICY_MANAGE = requires(Permission.PLATFORM_POLICY_MANAGE)
PLATFORM_POLICY_READ = requires(Permission.PLATFORM_POLICY_READ)
PLATFORM_SYSTEM_MANAGE = requires(Permission.PLATFORM_SYSTEM_MANAGE)
PLATFORM_SYSTEM_READ = requires(Permission.PLATFORM_SYSTEM_READ)
PLATFORM_VIEW_AS_MOVES = requires(Permission.PLATFORM_VIEW_AS, moves=True)
