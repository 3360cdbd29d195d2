"""What the routes of this domain ask for: the permission, and whatever else a page and its twin of the API share."""

from app.shared.authz import Permission
from app.web import requires
from app.web.limits import INVITATIONS

PROFILE = requires(Permission.PROFILE)
PROFILE_MOVES = requires(Permission.PROFILE, moves=True)
PROFILE_VIEWING = requires(Permission.PROFILE, viewing=True, moves=True)
PROJECT_MANAGE = requires(Permission.PROJECT_MANAGE)
SERVICE_ACCOUNT_MANAGE = requires(Permission.SERVICE_ACCOUNT_MANAGE)
TEAM_MANAGE = requires(Permission.TEAM_MANAGE)
TEAM_MANAGE_MAILS = requires(Permission.TEAM_MANAGE, rate=INVITATIONS)
TEAM_READ = requires(Permission.TEAM_READ)
