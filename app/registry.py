"""The domains, in the order in which they may call each other. Read by web, workers, provisioner and tests."""

from app.domains.admin import domain as admin
from app.domains.appruntime import domain as appruntime
from app.domains.auth import domain as auth
from app.domains.billing import domain as billing
from app.domains.inventory import domain as inventory
from app.domains.notification import domain as notification
from app.domains.payments import domain as payments
from app.domains.provisioning import domain as provisioning
from app.domains.releases import domain as releases
from app.domains.storage import domain as storage
from app.domains.terminal import domain as terminal
from app.shared.manifest import Domain
from app.shared.policy.keys import declare
from app.shared.readcache import declare_invalidations

_SPEAKING: tuple[Domain, ...] = (
    auth.DOMAIN,
    inventory.DOMAIN,
    billing.DOMAIN,
    payments.DOMAIN,
    releases.DOMAIN,
    provisioning.DOMAIN,
    terminal.DOMAIN,
    appruntime.DOMAIN,
    storage.DOMAIN,
    admin.DOMAIN,
)

# Notification listens to every event that those before it have declared.
DOMAINS: tuple[Domain, ...] = (*_SPEAKING, notification.build(after=_SPEAKING))

for _domain in DOMAINS:
    declare(*_domain.policies)
    declare_invalidations(*_domain.invalidations)
