"""Roles and permissions in words that customers read. A test holds that none is missing."""

from app.domains.auth.rules.team import ORGANISATION_ROLES, PROJECT_ROLES
from app.shared.authz.permissions import GRANTS, Permission, Role, is_platform

ROLE_NAMES: dict[str, str] = {
    Role.TENANT_OWNER: "Owner",
    Role.TENANT_ADMIN: "Admin",
    Role.TENANT_BILLING: "Billing",
    Role.TENANT_MEMBER: "Member",
    Role.PROJECT_ADMIN: "Project admin",
    Role.PROJECT_MEMBER: "Project member",
    Role.PROJECT_VIEWER: "Project viewer",
}
ROLE_NOTES: dict[str, str] = {
    Role.TENANT_OWNER: "Everything, and the only one who can make or remove owners. There is always at least one.",
    Role.TENANT_ADMIN: "Everything but changing owners.",
    Role.TENANT_BILLING: "Pays and reads the bills; sees no machines.",
    Role.TENANT_MEMBER: "Works with machines, apps and files in every project.",
    Role.PROJECT_ADMIN: "As Project member, for whoever answers for the project.",
    Role.PROJECT_MEMBER: "Works with machines, apps and files of one project.",
    Role.PROJECT_VIEWER: "Looks on in one project and changes nothing.",
}
PERMISSION_WORDS: dict[Permission, str] = {
    Permission.PROFILE: "See and change one's own profile and sessions",
    Permission.CATALOG_READ: "See types and prices",
    Permission.ALLOCATION_READ: "See machines",
    Permission.ALLOCATION_LAUNCH: "Launch machines",
    Permission.ALLOCATION_RELEASE: "Give machines back",
    Permission.TERMINAL_OPEN: "Open a shell on a machine",
    Permission.BILLING_READ: "See balance, usage and the ledger",
    Permission.PAYMENT_CREATE: "Add credit",
    Permission.SSH_KEY_MANAGE: "Keep one's own SSH keys",
    Permission.TEAM_READ: "See who is in the team",
    Permission.TEAM_MANAGE: "Invite and remove people, change roles, change the organisation",
    Permission.PROJECT_MANAGE: "Make and rename projects",
    Permission.SERVICE_ACCOUNT_MANAGE: "Make service accounts and their credentials",
    Permission.APP_READ: "See apps",
    Permission.APP_LOGS: "Read what apps wrote",
    Permission.APP_RUN: "Launch, stop, share and release apps",
    Permission.APP_OPEN: "Open apps",
    Permission.STORAGE_READ: "See and download files",
    Permission.STORAGE_WRITE: "Upload, move and delete files",
    Permission.ACTIVITY_READ: "See who did what",
    Permission.WEBHOOK_MANAGE: "Manage outgoing webhooks",
}


def role_name(role: str) -> str:
    """`tenant_admin` -> `Admin`."""
    return ROLE_NAMES.get(role, role)


def matrix() -> list[tuple[str, tuple[bool, ...]]]:
    """What each customer's role may do, in the order of ORGANISATION_ROLES then PROJECT_ROLES, from the one table that
    decides."""
    roles = (*ORGANISATION_ROLES, *PROJECT_ROLES)
    return [
        (PERMISSION_WORDS[permission], tuple(role in GRANTS[permission] for role in roles))
        for permission in Permission
        if not is_platform(permission)
    ]
