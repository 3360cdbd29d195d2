"""The domains, in the order in which they may call each other. Read by web, workers, provisioner and tests."""

from app.domains.auth import domain as auth
from app.shared.manifest import Domain
from app.shared.policy.keys import declare

DOMAINS: tuple[Domain, ...] = (auth.DOMAIN,)

for _domain in DOMAINS:
    declare(*_domain.policies)
