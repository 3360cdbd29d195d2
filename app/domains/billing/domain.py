"""What billing hands to the composition roots."""

from app.domains.billing.consumers import CONSUMERS
from app.domains.billing.handlers import pages, rest
from app.domains.billing.jobs import CRONS
from app.domains.billing.policies import POLICIES
from app.shared.authz import Permission
from app.shared.manifest import Domain, NavEntry

DOMAIN = Domain(
    name="billing",
    pages=[*pages.ROUTES],
    api=[*rest.ROUTES],
    crons=CRONS,
    consumers=CONSUMERS,
    policies=POLICIES,
    navigation=[
        NavEntry(
            label="Billing",
            href="/billing",
            icon="billing",
            permission=Permission.BILLING_READ,
            order=60,
            jump="b",
            phone=True,
        )
    ],
)
