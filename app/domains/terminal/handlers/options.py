"""What the routes of this domain ask for: the permission, and whatever else a page and its twin of the API share."""

from app.shared.authz import Permission
from app.web import requires
from app.web.limits import TERMINAL

TERMINAL_OPEN = requires(Permission.TERMINAL_OPEN)
TERMINAL_OPEN_PAGE = requires(Permission.TERMINAL_OPEN, csp_nonce=True)
TERMINAL_OPEN_TICKET = requires(Permission.TERMINAL_OPEN, rate=TERMINAL, idempotent=False)
