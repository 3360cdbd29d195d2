"""Options that the routes of this domain share: permissions, and parameters common to a page and its API twin."""

from app.shared.authz import Permission
from app.web import requires
from app.web.limits import LAUNCH as LAUNCHES

ALLOCATION_LAUNCH = requires(Permission.ALLOCATION_LAUNCH, rate=LAUNCHES)
ALLOCATION_LAUNCH_PREVIEW = requires(Permission.ALLOCATION_LAUNCH, reads=True)
ALLOCATION_READ = requires(Permission.ALLOCATION_READ)
ALLOCATION_RELEASE = requires(Permission.ALLOCATION_RELEASE)
PLATFORM_ALLOCATION_READ = requires(Permission.PLATFORM_ALLOCATION_READ)
PLATFORM_ALLOCATION_RELEASE = requires(Permission.PLATFORM_ALLOCATION_RELEASE)
PLATFORM_CONSOLE = requires(Permission.PLATFORM_CONSOLE)
PLATFORM_NODE_READ = requires(Permission.PLATFORM_NODE_READ)
PROFILE = requires(Permission.PROFILE)
TERMINAL_OPEN = requires(Permission.TERMINAL_OPEN)
