"""What the routes of this domain ask for: the permission, and whatever else a page and its twin of the API share."""

from app.shared.authz import Permission
from app.web import requires

BILLING_READ = requires(Permission.BILLING_READ)
