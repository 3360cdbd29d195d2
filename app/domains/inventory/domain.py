"""The manifest of the inventory for the composition roots."""

from app.domains.inventory.handlers import pages, pages_catalog, pages_nodes, rest, rest_catalog, rest_nodes
from app.domains.inventory.jobs import CRONS
from app.domains.inventory.policies import POLICIES
from app.domains.inventory.service.find import search_nodes
from app.shared.authz import Permission
from app.shared.manifest import Domain, NavEntry

DOMAIN = Domain(
    name="inventory",
    pages=[*pages.ROUTES, *pages_nodes.ROUTES, *pages_catalog.ROUTES],
    api=[*rest.ROUTES, *rest_nodes.ROUTES, *rest_catalog.ROUTES],
    crons=CRONS,
    policies=POLICIES,
    search=search_nodes,
    navigation=[
        NavEntry(
            label="Catalog",
            href="/catalog",
            icon="catalog",
            permission=Permission.CATALOG_READ,
            order=20,
            jump="c",
            phone=True,
        ),
        NavEntry(
            label="Nodes",
            href="/admin/nodes",
            icon="nodes",
            permission=Permission.PLATFORM_NODE_READ,
            console="operator",
            order=20,
            jump="n",
        ),
        NavEntry(
            label="Catalog",
            href="/admin/catalog",
            icon="catalog",
            permission=Permission.PLATFORM_CONSOLE,
            console="operator",
            order=50,
        ),
    ],
)
