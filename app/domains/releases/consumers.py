"""Rechecks access to machines when a membership, a sign-in or a suspension changes."""

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


async def on_right_changed(ctx: Context, event: Event, envelope: Envelope) -> None:
    """Recheck the people named by the event; the periodic check finds missed events."""
    concerned = _concerned(event)
    if concerned is not None:
        await withdraw(ctx, concerned)


def _concerned(event: Event) -> Concerned | None:
    if isinstance(event, MembershipRemoved | MembershipChanged):
        return Concerned(principal_id=event.user_id, tenant_id=event.tenant_id)
    if isinstance(event, PersonSuspended):
        return Concerned(principal_id=event.user_id)
    if isinstance(event, TenantSuspended | ServiceAccountDisabled):
        return Concerned(tenant_id=event.tenant_id)
    if isinstance(event, SessionRevoked):
        return Concerned(session_id=event.session_id)
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
