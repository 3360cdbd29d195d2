"""What the routes of this domain ask for: the permission, and whatever else a page and its twin of the API share."""

from app.shared.authz import Permission
from app.web import requires

APP_LOGS = requires(Permission.APP_LOGS)
APP_OPEN = requires(Permission.APP_OPEN)
APP_READ = requires(Permission.APP_READ)
APP_RUN = requires(Permission.APP_RUN)
