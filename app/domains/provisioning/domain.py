"""What provisioning hands to the composition roots."""

from app.domains.provisioning.activities import activities
from app.domains.provisioning.consumers import CONSUMERS
from app.domains.provisioning.policies import POLICIES
from app.domains.provisioning.workflows import ProvisionAllocation, ReleaseAllocation
from app.shared.manifest import Domain

DOMAIN = Domain(
    name="provisioning",
    policies=POLICIES,
    consumers=CONSUMERS,
    workflows=(ProvisionAllocation, ReleaseAllocation),
    activities=activities,
)
