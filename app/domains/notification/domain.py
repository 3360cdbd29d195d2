"""What notification hands to the composition roots."""

from app.domains.auth.events import InvitationSent
from app.domains.notification.consumers import announce, invite, note, record, send_out
from app.domains.notification.handlers import pages, pages_webhooks, rest, rest_events, rest_webhooks, ws
from app.domains.notification.jobs import CRONS, JOBS
from app.domains.notification.policies import POLICIES
from app.domains.notification.rules.feed import is_told
from app.domains.notification.rules.words import KINDS
from app.domains.notification.service.inbox import PREFIX
from app.shared.authz import Permission
from app.shared.events.base import CATALOGUE
from app.shared.manifest import ConsumerSpec, Domain, NavEntry

PAGES = [*pages.ROUTES, *pages_webhooks.ROUTES]
API = [*rest.ROUTES, *rest_events.ROUTES, *rest_webhooks.ROUTES]
NAVIGATION = (
    NavEntry(
        label="Notifications",
        href="/settings/notifications",
        icon="bell",
        permission=Permission.PROFILE,
        console="settings",
        order=30,
    ),
    NavEntry(
        label="Webhooks",
        href="/settings/webhooks",
        icon="arrow-up-right",
        permission=Permission.WEBHOOK_MANAGE,
        console="settings",
        order=40,
    ),
)


def build(*, after: tuple[Domain, ...]) -> Domain:
    """The manifest. It listens to every event that the domains in `after` have declared, so it is built last."""
    heard = tuple(CATALOGUE.values()) if after else ()
    told = tuple(CATALOGUE[PREFIX + kind.name] for kind in KINDS if after and PREFIX + kind.name in CATALOGUE)
    fed = tuple(event for event in heard if is_told(event.SUBJECT.removeprefix(PREFIX)))
    return Domain(
        name="notification",
        pages=PAGES,
        api=API,
        routes=ws.ROUTES,
        jobs=JOBS,
        crons=CRONS,
        consumers=[
            ConsumerSpec(name="notification-live", events=heard, handle=announce, ordered=False),
            ConsumerSpec(name="notification-inbox", events=told, handle=note, ordered=False),
            ConsumerSpec(name="notification-feed", events=fed, handle=record, ordered=False),
            ConsumerSpec(name="notification-webhooks", events=fed, handle=send_out, ordered=False),
            ConsumerSpec(name="notification-invitations", events=(InvitationSent,), handle=invite, ordered=False),
        ],
        policies=POLICIES,
        navigation=NAVIGATION,
    )
