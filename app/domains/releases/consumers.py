"""What access to machines does when others tell something: who leaves takes their keys along."""

from app.context import Context
from app.domains.auth.events import MembershipChanged, MembershipRemoved
from app.domains.releases.rules import LOGS_IN
from app.domains.releases.service.attachments import person_left
from app.shared.events import Envelope, Event
from app.shared.manifest import ConsumerSpec


async def on_membership(ctx: Context, fact: Event, envelope: Envelope) -> None:
    """Somebody lost the right to log in: their keys are taken off the machines of that place."""
    if isinstance(fact, MembershipRemoved) or (isinstance(fact, MembershipChanged) and fact.role not in LOGS_IN):
        await person_left(ctx, fact.user_id, fact.tenant_id, fact.project_id)


CONSUMERS = (
    ConsumerSpec(
        name="releases-membership", events=(MembershipRemoved, MembershipChanged), handle=on_membership, ordered=False
    ),
)
