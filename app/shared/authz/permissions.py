"""The one table: permission -> roles that hold it. Documentation and the admin page are generated from it."""

from enum import StrEnum


class Role(StrEnum):
    PLATFORM_ADMIN = "platform_admin"
    PLATFORM_OPERATOR = "platform_operator"
    PLATFORM_FINANCE = "platform_finance"
    PLATFORM_AUDITOR = "platform_auditor"
    TENANT_OWNER = "tenant_owner"
    TENANT_ADMIN = "tenant_admin"
    TENANT_BILLING = "tenant_billing"
    TENANT_MEMBER = "tenant_member"
    PROJECT_ADMIN = "project_admin"
    PROJECT_MEMBER = "project_member"
    PROJECT_VIEWER = "project_viewer"


class Permission(StrEnum):
    PROFILE = "profile"  # one's own profile and sessions
    CATALOG_READ = "catalog:read"
    ALLOCATION_READ = "allocation:read"
    ALLOCATION_LAUNCH = "allocation:launch"
    ALLOCATION_RELEASE = "allocation:release"
    TERMINAL_OPEN = "terminal:open"
    BILLING_READ = "billing:read"
    PAYMENT_CREATE = "payment:create"
    SSH_KEY_MANAGE = "ssh_key:manage"
    TEAM_READ = "team:read"
    SERVICE_ACCOUNT_MANAGE = "service_account:manage"
    PLATFORM_NODE_READ = "platform:node_read"
    PLATFORM_NODE_MANAGE = "platform:node_manage"
    PLATFORM_MONEY_READ = "platform:money_read"


_R = Role
_EVERY_TENANT_ROLE = frozenset(
    {
        _R.TENANT_OWNER,
        _R.TENANT_ADMIN,
        _R.TENANT_BILLING,
        _R.TENANT_MEMBER,
        _R.PROJECT_ADMIN,
        _R.PROJECT_MEMBER,
        _R.PROJECT_VIEWER,
    }
)
_PLATFORM = frozenset({_R.PLATFORM_ADMIN, _R.PLATFORM_OPERATOR, _R.PLATFORM_FINANCE, _R.PLATFORM_AUDITOR})
_WORKS = frozenset({_R.TENANT_OWNER, _R.TENANT_ADMIN, _R.TENANT_MEMBER, _R.PROJECT_ADMIN, _R.PROJECT_MEMBER})

GRANTS: dict[Permission, frozenset[Role]] = {
    Permission.PROFILE: _EVERY_TENANT_ROLE | _PLATFORM,
    Permission.CATALOG_READ: _EVERY_TENANT_ROLE,
    Permission.ALLOCATION_READ: _EVERY_TENANT_ROLE - {_R.TENANT_BILLING},
    Permission.ALLOCATION_LAUNCH: _WORKS,
    Permission.ALLOCATION_RELEASE: _WORKS,
    Permission.TERMINAL_OPEN: _WORKS,
    Permission.BILLING_READ: frozenset({_R.TENANT_OWNER, _R.TENANT_ADMIN, _R.TENANT_BILLING, _R.TENANT_MEMBER}),
    Permission.PAYMENT_CREATE: frozenset({_R.TENANT_OWNER, _R.TENANT_ADMIN, _R.TENANT_BILLING}),
    Permission.SSH_KEY_MANAGE: _EVERY_TENANT_ROLE,
    Permission.TEAM_READ: _EVERY_TENANT_ROLE,
    Permission.SERVICE_ACCOUNT_MANAGE: frozenset({_R.TENANT_OWNER, _R.TENANT_ADMIN}),
    Permission.PLATFORM_NODE_READ: frozenset({_R.PLATFORM_ADMIN, _R.PLATFORM_OPERATOR, _R.PLATFORM_AUDITOR}),
    Permission.PLATFORM_NODE_MANAGE: frozenset({_R.PLATFORM_ADMIN, _R.PLATFORM_OPERATOR}),
    Permission.PLATFORM_MONEY_READ: frozenset({_R.PLATFORM_ADMIN, _R.PLATFORM_FINANCE, _R.PLATFORM_AUDITOR}),
}

PLATFORM_ROLES = _PLATFORM


def is_platform(permission: Permission) -> bool:
    """Whether the permission reaches across tenants."""
    return permission.value.startswith("platform:")
