"""Policy keys of auth: lifetimes and limits."""

from app.shared.policy.keys import PolicyKey

SESSION_HOURS = PolicyKey(
    name="auth.session_hours",
    default=12,
    minimum=1,
    maximum=720,
    unit="hours",
    description="How long a browser session lasts.",
)
TOKEN_SECONDS = PolicyKey(
    name="auth.token_seconds",
    default=3600,
    minimum=60,
    maximum=86_400,
    unit="seconds",
    description="How long an API token of a service account is valid.",
)
INVITATION_DAYS = PolicyKey(
    name="auth.invitation_days",
    default=7,
    minimum=1,
    maximum=90,
    unit="days",
    description="How long an invitation can be accepted after it was sent.",
)
MAX_INVITATIONS = PolicyKey(
    name="auth.invitations_pending",
    default=100,
    minimum=0,
    maximum=10_000,
    unit="invitations",
    description="How many pending invitations an organisation may have.",
)
MAX_PROJECTS = PolicyKey(
    name="auth.projects_most",
    default=50,
    minimum=1,
    maximum=10_000,
    unit="projects",
    description="How many projects an organisation may have.",
)
MAX_ORGANISATIONS = PolicyKey(
    name="auth.organisations_most",
    default=10,
    minimum=1,
    maximum=1_000,
    unit="organisations",
    description="How many organisations one person may own.",
)
PROGRAM_DAYS = PolicyKey(
    name="auth.command_line_days",
    default=30,
    minimum=1,
    maximum=365,
    unit="days",
    description="How long a sign-in of the command line lasts.",
)
PROGRAM_TOKEN_SECONDS = PolicyKey(
    name="auth.command_line_token_seconds",
    default=900,
    minimum=60,
    maximum=3600,
    unit="seconds",
    description="How long an access token of the command line is valid; the command line refreshes it automatically.",
)
VIEW_AS_MINUTES = PolicyKey(
    name="auth.view_as_minutes",
    default=30,
    minimum=1,
    maximum=480,
    unit="minutes",
    description="How long a view-as of an organisation lasts.",
)
POLICIES = (
    VIEW_AS_MINUTES,
    SESSION_HOURS,
    TOKEN_SECONDS,
    INVITATION_DAYS,
    MAX_INVITATIONS,
    MAX_PROJECTS,
    MAX_ORGANISATIONS,
    PROGRAM_DAYS,
    PROGRAM_TOKEN_SECONDS,
)
