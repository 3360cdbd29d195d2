"""What notification hands to the composition roots."""

from app.domains.notification.consumers import announce
from app.domains.notification.handlers import ws
from app.domains.notification.jobs import CRONS, JOBS
from app.domains.notification.policies import POLICIES
from app.shared.events.base import CATALOGUE
from app.shared.manifest import ConsumerSpec, Domain


def build(*, after: tuple[Domain, ...]) -> Domain:
    """The manifest. It listens to every event that the domains in `after` have declared, so it is built last."""
    heard = tuple(CATALOGUE.values()) if after else ()
    announcer = ConsumerSpec(name="notification-live", events=heard, handle=announce, ordered=False)
    return Domain(
        name="notification",
        routes=ws.ROUTES,
        jobs=JOBS,
        crons=CRONS,
        consumers=[announcer],
        policies=POLICIES,
    )
