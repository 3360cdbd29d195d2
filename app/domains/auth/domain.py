"""What identity hands to the composition roots."""

from app.domains.auth.handlers import pages, pages_programs, rest
from app.domains.auth.jobs import CRONS
from app.domains.auth.policies import POLICIES
from app.shared.authz import Permission
from app.shared.manifest import Domain, NavEntry

DOMAIN = Domain(
    name="auth",
    routes=[*pages.ROUTES, *pages_programs.ROUTES, *rest.ROUTES],
    crons=CRONS,
    policies=POLICIES,
    navigation=[
        NavEntry(
            label="Sessions",
            href="/settings/sessions",
            icon="lock",
            permission=Permission.PROFILE,
            console="settings",
            order=20,
        ),
    ],
)
