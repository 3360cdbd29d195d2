"""What the routes of this domain ask for: the permission, and whatever else a page and its twin of the API share."""

from typing import Annotated

from litestar.params import QueryParameter

from app.shared.authz import Permission
from app.web import requires

PROFILE = requires(Permission.PROFILE)
WEBHOOK_MANAGE = requires(Permission.WEBHOOK_MANAGE)
Unread = Annotated[bool, QueryParameter(description="only what is unread")]
