"""Labels of roles and permissions. A test checks that none is missing."""

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
ROLE_DESCRIPTIONS: dict[str, str] = {
    Role.TENANT_OWNER: "Full access, including adding and removing owners. There is always at least one owner.",
    Role.TENANT_ADMIN: "Full access, except changing owners.",
    Role.TENANT_BILLING: "Pays and reads the bills; sees no machines.",
    Role.TENANT_MEMBER: "Works with machines, apps and files in every project.",
    Role.PROJECT_ADMIN: "Same access as Project member, for the person responsible for the project.",
    Role.PROJECT_MEMBER: "Works with machines, apps and files of one project.",
    Role.PROJECT_VIEWER: "Read-only access to one project.",
}
PERMISSION_LABELS: dict[Permission, str] = {
    Permission.PROFILE: "See and change your own profile and sessions",
    Permission.CATALOG_READ: "See types and prices",
    Permission.ALLOCATION_READ: "See machines",
    Permission.ALLOCATION_LAUNCH: "Launch machines",
    Permission.ALLOCATION_RELEASE: "Release machines",
    Permission.TERMINAL_OPEN: "Open a shell on a machine",
    Permission.BILLING_READ: "See balance, usage and the ledger",
    Permission.PAYMENT_CREATE: "Add credit",
    Permission.SSH_KEY_MANAGE: "Manage your own SSH keys",
    Permission.TEAM_READ: "See who is in the team",
    Permission.TEAM_MANAGE: "Invite and remove people, change roles, change the organisation",
    Permission.PROJECT_MANAGE: "Create and rename projects",
    Permission.SERVICE_ACCOUNT_MANAGE: "Create service accounts and their credentials",
    Permission.APP_READ: "See apps",
    Permission.APP_LOGS: "Read app logs",
    Permission.APP_RUN: "Launch, stop, share and release apps",
    Permission.APP_OPEN: "Open apps",
    Permission.STORAGE_READ: "See and download files",
    Permission.STORAGE_WRITE: "Upload, move and delete files",
    Permission.ACTIVITY_READ: "See who did what",
    Permission.WEBHOOK_MANAGE: "Manage outgoing webhooks",
}


def role_label(role: str) -> str:
    """`tenant_admin` -> `Admin`."""
    return ROLE_NAMES.get(role, role)


def matrix() -> list[tuple[str, tuple[bool, ...]]]:
    """Each customer permission's label, and for each role (ORGANISATION_ROLES, then PROJECT_ROLES) whether it is
    granted."""
    roles = (*ORGANISATION_ROLES, *PROJECT_ROLES)
    return [
        (PERMISSION_LABELS[permission], tuple(role in GRANTS[permission] for role in roles))
        for permission in Permission
        if not is_platform(permission)
    ]
