"""What access to machines hands to the composition roots."""

from app.domains.releases.consumers import CONSUMERS
from app.domains.releases.handlers import pages, rest
from app.domains.releases.jobs import CRONS
from app.domains.releases.policies import POLICIES
from app.shared.authz import Permission
from app.shared.manifest import Domain, NavEntry

DOMAIN = Domain(
    name="releases",
    pages=[*pages.ROUTES],
    api=[*rest.ROUTES],
    crons=CRONS,
    consumers=CONSUMERS,
    policies=POLICIES,
    navigation=[
        NavEntry(
            label="Keys",
            href="/settings/keys",
            icon="key",
            permission=Permission.SSH_KEY_MANAGE,
            console="settings",
            order=10,
        ),
    ],
)
