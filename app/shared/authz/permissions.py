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
    TEAM_MANAGE = "team:manage"  # invitations, members, roles
    PROJECT_MANAGE = "project:manage"  # make and rename projects
    SERVICE_ACCOUNT_MANAGE = "service_account:manage"
    APP_READ = "app:read"
    APP_LOGS = "app:logs"  # what an app wrote
    APP_RUN = "app:run"  # launch, stop, restart, release, share
    APP_OPEN = "app:open"  # through the proxy; the members of an app are asked too
    STORAGE_READ = "storage:read"
    STORAGE_WRITE = "storage:write"
    ACTIVITY_READ = "activity:read"
    WEBHOOK_MANAGE = "webhook:manage"
    PLATFORM_CONSOLE = "platform:console"  # the operator's overview
    PLATFORM_NODE_READ = "platform:node_read"
    PLATFORM_NODE_MANAGE = "platform:node_manage"
    PLATFORM_ALLOCATION_READ = "platform:allocation_read"
    PLATFORM_ALLOCATION_RELEASE = "platform:allocation_release"
    PLATFORM_CATALOG_MANAGE = "platform:catalog_manage"
    PLATFORM_CUSTOMER_READ = "platform:customer_read"
    PLATFORM_CUSTOMER_MANAGE = "platform:customer_manage"  # suspend, resume
    PLATFORM_VIEW_AS = "platform:view_as"
    PLATFORM_MONEY_READ = "platform:money_read"
    PLATFORM_MONEY_MANAGE = "platform:money_manage"  # refunds, adjustments, their approval
    PLATFORM_AUDIT_READ = "platform:audit_read"
    PLATFORM_POLICY_READ = "platform:policy_read"
    PLATFORM_POLICY_MANAGE = "platform:policy_manage"
    PLATFORM_EVENT_READ = "platform:event_read"
    PLATFORM_EVENT_MANAGE = "platform:event_manage"  # redrive
    PLATFORM_SYSTEM_READ = "platform:system_read"
    PLATFORM_SYSTEM_MANAGE = "platform:system_manage"  # announcements


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
_ADMINS = frozenset({_R.TENANT_OWNER, _R.TENANT_ADMIN})
_OPERATORS = frozenset({_R.PLATFORM_ADMIN, _R.PLATFORM_OPERATOR})
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
    Permission.TEAM_MANAGE: _ADMINS,
    Permission.PROJECT_MANAGE: _ADMINS,
    Permission.SERVICE_ACCOUNT_MANAGE: _ADMINS,
    Permission.APP_READ: _EVERY_TENANT_ROLE - {_R.TENANT_BILLING},
    Permission.APP_LOGS: _EVERY_TENANT_ROLE - {_R.TENANT_BILLING},
    Permission.APP_RUN: _WORKS,
    Permission.APP_OPEN: _EVERY_TENANT_ROLE - {_R.TENANT_BILLING},
    Permission.STORAGE_READ: _EVERY_TENANT_ROLE - {_R.TENANT_BILLING},
    Permission.STORAGE_WRITE: _WORKS,
    Permission.ACTIVITY_READ: frozenset({_R.TENANT_OWNER, _R.TENANT_ADMIN, _R.TENANT_BILLING, _R.TENANT_MEMBER}),
    Permission.WEBHOOK_MANAGE: _ADMINS,
    Permission.PLATFORM_CONSOLE: _PLATFORM,
    Permission.PLATFORM_NODE_READ: frozenset({_R.PLATFORM_ADMIN, _R.PLATFORM_OPERATOR, _R.PLATFORM_AUDITOR}),
    Permission.PLATFORM_NODE_MANAGE: _OPERATORS,
    Permission.PLATFORM_ALLOCATION_READ: _PLATFORM,
    Permission.PLATFORM_ALLOCATION_RELEASE: _OPERATORS,
    Permission.PLATFORM_CATALOG_MANAGE: _OPERATORS,
    Permission.PLATFORM_CUSTOMER_READ: _PLATFORM,
    Permission.PLATFORM_CUSTOMER_MANAGE: _OPERATORS,
    Permission.PLATFORM_VIEW_AS: _OPERATORS,
    Permission.PLATFORM_MONEY_READ: frozenset({_R.PLATFORM_ADMIN, _R.PLATFORM_FINANCE, _R.PLATFORM_AUDITOR}),
    Permission.PLATFORM_MONEY_MANAGE: frozenset({_R.PLATFORM_ADMIN, _R.PLATFORM_FINANCE}),
    Permission.PLATFORM_AUDIT_READ: frozenset({_R.PLATFORM_ADMIN, _R.PLATFORM_AUDITOR}),
    Permission.PLATFORM_POLICY_READ: _PLATFORM,
    Permission.PLATFORM_POLICY_MANAGE: frozenset({_R.PLATFORM_ADMIN}),
    Permission.PLATFORM_EVENT_READ: frozenset({_R.PLATFORM_ADMIN, _R.PLATFORM_OPERATOR, _R.PLATFORM_AUDITOR}),
    Permission.PLATFORM_EVENT_MANAGE: _OPERATORS,
    Permission.PLATFORM_SYSTEM_READ: _PLATFORM,
    Permission.PLATFORM_SYSTEM_MANAGE: _OPERATORS,
}

PLATFORM_ROLES = _PLATFORM
# Shells, apps with what they write, and files are the customer's own: an operator who views as them does not get there.
NOT_IN_VIEW = frozenset(
    {
        Permission.TERMINAL_OPEN,
        Permission.APP_LOGS,
        Permission.APP_OPEN,
        Permission.STORAGE_READ,
        Permission.STORAGE_WRITE,
    }
)


def is_platform(permission: Permission) -> bool:
    """Whether the permission reaches across tenants."""
    return permission.value.startswith("platform:")
