"""The manifest of auth."""

from app.domains.auth.events import (
    InvitationAccepted,
    InvitationDeclined,
    InvitationExpired,
    InvitationRevoked,
    InvitationSent,
    MembershipChanged,
    MembershipGranted,
    MembershipRemoved,
    SessionStarted,
)
from app.domains.auth.handlers import (
    pages_accounts,
    pages_programs,
    pages_sessions,
    pages_signin,
    pages_team,
    pages_workspaces,
    rest,
    rest_accounts,
    rest_oauth,
    rest_organisation,
    rest_team,
)
from app.domains.auth.jobs import CRONS
from app.domains.auth.policies import POLICIES
from app.domains.auth.rules.tags import INVITATIONS, person_tag
from app.shared.authz import Permission
from app.shared.manifest import Domain, NavEntry
from app.shared.readcache import Invalidation

INVITATION_EVENTS = (InvitationSent, InvitationAccepted, InvitationDeclined, InvitationRevoked, InvitationExpired)
INVALIDATIONS = [
    *(
        Invalidation(event, lambda event: [person_tag(event.user_id)])
        for event in (MembershipGranted, MembershipChanged, MembershipRemoved, SessionStarted)
    ),
    *(Invalidation(event, lambda _: [INVITATIONS]) for event in INVITATION_EVENTS),
]
DOMAIN = Domain(
    name="auth",
    pages=[
        *pages_signin.ROUTES,
        *pages_sessions.ROUTES,
        *pages_team.ROUTES,
        *pages_workspaces.ROUTES,
        *pages_accounts.ROUTES,
        *pages_programs.ROUTES,
    ],
    api=[*rest.ROUTES, *rest_team.ROUTES, *rest_organisation.ROUTES, *rest_accounts.ROUTES],
    routes=[*rest_oauth.ROUTES],
    crons=CRONS,
    policies=POLICIES,
    invalidations=INVALIDATIONS,
    navigation=[
        NavEntry(label="Team", href="/team", icon="team", permission=Permission.TEAM_READ, order=70, jump="t"),
        NavEntry(
            label="Sessions",
            href="/settings/sessions",
            icon="lock",
            permission=Permission.PROFILE,
            console="settings",
            order=20,
        ),
        NavEntry(
            label="Organisation",
            href="/settings/organisation",
            icon="customers",
            permission=Permission.TEAM_READ,
            console="settings",
            order=50,
        ),
    ],
)
