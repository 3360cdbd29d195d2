"""What access to machines does when others tell something: whose right may have ended is asked about at once."""

from app.domains.auth.events import (
    MembershipChanged,
    MembershipRemoved,
    PersonSuspended,
    ServiceAccountDisabled,
    SessionRevoked,
    TenantSuspended,
)
from app.domains.releases.contracts import Concerned
from app.domains.releases.service.rights import withdraw
from app.shared.context import Context
from app.shared.events import Envelope, Event
from app.shared.manifest import ConsumerSpec


async def on_right_changed(ctx: Context, fact: Event, envelope: Envelope) -> None:
    """Ask anew about those whom the event is about. What is not heard is found by the watch."""
    concerned = _concerned(fact)
    if concerned is not None:
        await withdraw(ctx, concerned)


def _concerned(fact: Event) -> Concerned | None:
    if isinstance(fact, MembershipRemoved | MembershipChanged):
        return Concerned(principal_id=fact.user_id, tenant_id=fact.tenant_id)
    if isinstance(fact, PersonSuspended):
        return Concerned(principal_id=fact.user_id)
    if isinstance(fact, TenantSuspended | ServiceAccountDisabled):
        return Concerned(tenant_id=fact.tenant_id)
    if isinstance(fact, SessionRevoked):
        return Concerned(session_id=fact.session_id)
    return None


CONSUMERS = (
    ConsumerSpec(
        name="releases-rights",
        events=(
            MembershipRemoved,
            MembershipChanged,
            PersonSuspended,
            TenantSuspended,
            ServiceAccountDisabled,
            SessionRevoked,
        ),
        handle=on_right_changed,
        ordered=False,
    ),
)
