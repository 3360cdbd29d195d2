"""Who may do what: the actor, the one permission table and the scope types."""

from app.shared.authz.actor import Actor, ActorKind, RoleBinding
from app.shared.authz.permissions import Permission, Role
from app.shared.authz.scope import PlatformScope, ProjectScope, TenantScope, platform_scope, project_scope, tenant_scope

__all__ = [
    "Actor",
    "ActorKind",
    "Permission",
    "PlatformScope",
    "ProjectScope",
    "Role",
    "RoleBinding",
    "TenantScope",
    "platform_scope",
    "project_scope",
    "tenant_scope",
]
