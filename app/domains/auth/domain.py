"""What identity hands to the composition roots."""

from app.domains.auth.handlers import pages, rest
from app.domains.auth.policies import POLICIES
from app.shared.manifest import Domain

DOMAIN = Domain(name="auth", routes=[*pages.ROUTES, *rest.ROUTES], policies=POLICIES)
