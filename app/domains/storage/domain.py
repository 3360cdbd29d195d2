"""What storage hands to the composition roots."""

from app.domains.storage.handlers import pages, pages_object, pages_shared, rest, rest_transfer
from app.domains.storage.jobs import CRONS, JOBS
from app.domains.storage.policies import POLICIES
from app.shared.authz import Permission
from app.shared.manifest import Domain, NavEntry

DOMAIN = Domain(
    name="storage",
    pages=[*pages.ROUTES, *pages_object.ROUTES, *pages_shared.ROUTES],
    api=[*rest.ROUTES, *rest_transfer.ROUTES],
    jobs=JOBS,
    crons=CRONS,
    policies=POLICIES,
    navigation=[
        NavEntry(
            label="Storage", href="/storage", icon="storage", permission=Permission.STORAGE_READ, order=50, jump="s"
        ),
        NavEntry(
            label="Files",
            href="/machines/{id}/files",
            icon="storage",
            permission=Permission.STORAGE_READ,
            console="machine",
            order=40,
        ),
    ],
)
