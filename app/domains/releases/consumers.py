"""What access to machines does when others tell something: who may not log in any more takes their keys along."""

from app.context import Context
from app.domains.auth.events import MembershipChanged, MembershipRemoved
from app.domains.releases.service.leaving import person_lost_role
from app.shared.events import Envelope, Event
from app.shared.manifest import ConsumerSpec


async def on_membership(ctx: Context, fact: Event, envelope: Envelope) -> None:
    """Somebody has a role less, or another one: it matters where no other role of theirs lets them log in."""
    if isinstance(fact, MembershipRemoved | MembershipChanged):
        await person_lost_role(ctx, fact.user_id, fact.tenant_id, fact.project_id)


CONSUMERS = (
    ConsumerSpec(
        name="releases-membership", events=(MembershipRemoved, MembershipChanged), handle=on_membership, ordered=False
    ),
)
