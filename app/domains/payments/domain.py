"""What payments hand to the composition roots."""

from app.domains.payments.handlers import pages, rest
from app.domains.payments.jobs import CRONS, JOBS
from app.domains.payments.policies import POLICIES
from app.shared.authz import Permission
from app.shared.manifest import Domain, NavEntry

DOMAIN = Domain(
    name="payments",
    pages=[*pages.ROUTES],
    api=[*rest.ROUTES],
    routes=rest.WEBHOOKS,
    jobs=JOBS,
    crons=CRONS,
    policies=POLICIES,
    navigation=[
        NavEntry(
            label="Add credit",
            href="/billing/credit",
            icon="plus",
            permission=Permission.PAYMENT_CREATE,
            console="action",
        )
    ],
)
