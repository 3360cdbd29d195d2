"""The manifest of notification."""

from app.domains.auth.events import InvitationSent
from app.domains.notification.consumers import add_to_inboxes, publish_topics, queue_webhooks, record, send_invitation
from app.domains.notification.events import InboxItemAdded, InboxRead
from app.domains.notification.handlers import pages, pages_webhooks, rest, rest_events, rest_webhooks, ws
from app.domains.notification.jobs import CRONS, JOBS
from app.domains.notification.policies import POLICIES
from app.domains.notification.rules.feed import PREFIX, is_published
from app.domains.notification.rules.messages import KINDS
from app.domains.notification.rules.topics import inbox_topic
from app.shared.authz import Permission
from app.shared.events.base import CATALOGUE
from app.shared.manifest import ConsumerSpec, Domain, NavEntry
from app.shared.readcache import Invalidation

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
INVALIDATIONS = [
    Invalidation(event, lambda event: [inbox_topic(event.user_id)]) for event in (InboxItemAdded, InboxRead)
]


def build(*, after: tuple[Domain, ...]) -> Domain:
    """The manifest. It consumes every event that the domains in `after` declare, so it is built last."""
    events = tuple(CATALOGUE.values()) if after else ()
    for_people = tuple(CATALOGUE[PREFIX + kind.name] for kind in KINDS if after and PREFIX + kind.name in CATALOGUE)
    for_programs = tuple(event for event in events if is_published(event.SUBJECT.removeprefix(PREFIX)))
    return Domain(
        name="notification",
        pages=PAGES,
        api=API,
        routes=ws.ROUTES,
        jobs=JOBS,
        crons=CRONS,
        consumers=[
            ConsumerSpec(name="notification-live", events=events, handle=publish_topics, ordered=False),
            ConsumerSpec(name="notification-inbox", events=for_people, handle=add_to_inboxes, ordered=False),
            ConsumerSpec(name="notification-feed", events=for_programs, handle=record, ordered=False),
            ConsumerSpec(name="notification-webhooks", events=for_programs, handle=queue_webhooks, ordered=False),
            ConsumerSpec(
                name="notification-invitations", events=(InvitationSent,), handle=send_invitation, ordered=False
            ),
        ],
        policies=POLICIES,
        navigation=NAVIGATION,
        invalidations=INVALIDATIONS,
    )
