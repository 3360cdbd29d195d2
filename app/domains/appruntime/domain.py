"""What appruntime hands to the composition roots."""

from app.domains.appruntime.activities import activities
from app.domains.appruntime.consumers import CONSUMERS
from app.domains.appruntime.handlers import pages, rest
from app.domains.appruntime.handlers.ws_proxy import host_app
from app.domains.appruntime.jobs import CRONS
from app.domains.appruntime.policies import POLICIES
from app.domains.appruntime.workflows import DriveApp
from app.shared.authz import Permission
from app.shared.manifest import Domain, NavEntry

DOMAIN = Domain(
    name="appruntime",
    pages=[*pages.ROUTES],
    api=[*rest.ROUTES],
    policies=POLICIES,
    crons=CRONS,
    consumers=CONSUMERS,
    workflows=(DriveApp,),
    activities=activities,
    host_app=host_app,
    navigation=[
        NavEntry(label="Apps", href="/apps", icon="apps", permission=Permission.APP_READ, order=40, jump="a"),
        NavEntry(
            label="Apps",
            href="/machines/{id}/apps",
            icon="apps",
            permission=Permission.APP_READ,
            console="machine",
            order=30,
        ),
    ],
)
