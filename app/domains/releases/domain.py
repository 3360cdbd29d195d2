"""What access to machines hands to the composition roots."""

from app.domains.releases.policies import POLICIES
from app.shared.manifest import Domain

DOMAIN = Domain(name="releases", policies=POLICIES)
