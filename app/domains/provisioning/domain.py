"""The manifest of provisioning for the composition roots."""

from app.domains.provisioning.activities import activities
from app.domains.provisioning.consumers import CONSUMERS
from app.domains.provisioning.handlers import (
    pages,
    pages_admin,
    pages_connect,
    pages_machines,
    pages_overview,
    rest,
    rest_admin,
    rest_connect,
    rest_machines,
)
from app.domains.provisioning.jobs import CRONS, JOBS
from app.domains.provisioning.policies import POLICIES
from app.domains.provisioning.service.find import search_machines
from app.domains.provisioning.workflows import ProvisionAllocation, ReleaseAllocation
from app.shared.authz import Permission
from app.shared.manifest import Domain, NavEntry

DOMAIN = Domain(
    name="provisioning",
    pages=[*pages_overview.ROUTES, *pages.ROUTES, *pages_connect.ROUTES, *pages_admin.ROUTES, *pages_machines.ROUTES],
    api=[*rest.ROUTES, *rest_connect.ROUTES, *rest_admin.ROUTES, *rest_machines.ROUTES],
    policies=POLICIES,
    jobs=JOBS,
    crons=CRONS,
    consumers=CONSUMERS,
    workflows=(ProvisionAllocation, ReleaseAllocation),
    activities=activities,
    search=search_machines,
    navigation=[
        NavEntry(
            label="Launch machine",
            href="/launch",
            icon="plus",
            permission=Permission.ALLOCATION_LAUNCH,
            console="action",
        ),
        NavEntry(
            label="Overview",
            href="/",
            icon="overview",
            permission=Permission.ALLOCATION_READ,
            order=10,
            jump="o",
            phone=True,
        ),
        NavEntry(
            label="Machines",
            href="/machines",
            icon="machines",
            permission=Permission.ALLOCATION_READ,
            order=30,
            jump="m",
            phone=True,
        ),
        NavEntry(
            label="Overview",
            href="/machines/{id}",
            icon="machines",
            permission=Permission.ALLOCATION_READ,
            console="machine",
            order=10,
        ),
        NavEntry(
            label="Fleet",
            href="/admin",
            icon="fleet",
            permission=Permission.PLATFORM_CONSOLE,
            console="operator",
            order=10,
            jump="f",
        ),
        NavEntry(
            label="Machines",
            href="/admin/allocations",
            icon="machines",
            permission=Permission.PLATFORM_ALLOCATION_READ,
            console="operator",
            order=30,
            jump="m",
        ),
        NavEntry(
            label="Connect",
            href="/machines/{id}/connect",
            icon="terminal",
            permission=Permission.ALLOCATION_READ,
            console="machine",
            order=20,
        ),
    ],
)
