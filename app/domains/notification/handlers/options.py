"""Route options and query parameters that pages and the API share."""

from typing import Annotated

from litestar.params import QueryParameter

from app.shared.authz import Permission
from app.web import requires

PROFILE = requires(Permission.PROFILE)
WEBHOOK_MANAGE = requires(Permission.WEBHOOK_MANAGE)
Unread = Annotated[bool, QueryParameter(description="only unread items")]
