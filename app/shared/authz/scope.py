"""Scopes are types that only this module mints, so that a query without one does not type-check.

One function, `holds`, decides. A tenant never learns that another tenant's resource exists: what is outside the scope
is not found.
"""

from dataclasses import dataclass
from typing import NewType
from uuid import UUID

from app.shared.authz.actor import Actor, ActorKind
from app.shared.authz.permissions import GRANTS, NOT_IN_VIEW, Permission, is_platform
from app.shared.errors import Forbidden, Unauthenticated


@dataclass(frozen=True)
class _Tenant:
    tenant_id: UUID


@dataclass(frozen=True)
class _Project:
    tenant_id: UUID
    project_id: UUID


@dataclass(frozen=True)
class _Platform:
    actor_id: UUID | None


TenantScope = NewType("TenantScope", _Tenant)
ProjectScope = NewType("ProjectScope", _Project)
PlatformScope = NewType("PlatformScope", _Platform)


def holds(actor: Actor, permission: Permission, tenant_id: UUID | None, project_id: UUID | None) -> bool:
    """Whether `actor` has `permission` at that place: the single decision of the whole product."""
    if permission is Permission.PROFILE and actor.kind is ActorKind.USER:
        return True  # what is one's own needs no role: who is in no organisation yet answers invitations here
    if actor.viewing is not None and permission in NOT_IN_VIEW:
        return False
    roles = GRANTS[permission]
    for binding in actor.bindings:
        if binding.role not in roles:
            continue
        if is_platform(permission):
            if binding.tenant_id is None:
                return True
        elif binding.tenant_id is None:
            if permission is Permission.PROFILE:
                return True
        elif binding.tenant_id == tenant_id and binding.project_id in (None, project_id):
            return True
    return False


def may(actor: Actor, permission: Permission) -> bool:
    """Whether `actor` has `permission` where they stand now (current tenant and project)."""
    return holds(actor, permission, actor.tenant_id, actor.project_id)


def require(actor: Actor, permission: Permission) -> None:
    """Raise Unauthenticated or Forbidden unless `may`."""
    if actor.kind is ActorKind.ANONYMOUS:
        raise Unauthenticated()
    if not may(actor, permission):
        raise Forbidden(permission=permission.value)


def tenant_scope(actor: Actor, permission: Permission) -> TenantScope:
    """The actor's current tenant, after the check."""
    require(actor, permission)
    if actor.tenant_id is None:
        raise Forbidden(permission=permission.value)
    return TenantScope(_Tenant(actor.tenant_id))


def project_scope(actor: Actor, permission: Permission) -> ProjectScope:
    """The actor's current project, after the check."""
    require(actor, permission)
    if actor.tenant_id is None or actor.project_id is None:
        raise Forbidden(permission=permission.value)
    return ProjectScope(_Project(actor.tenant_id, actor.project_id))


def platform_scope(actor: Actor, permission: Permission) -> PlatformScope:
    """All tenants, for an operator, after the check."""
    require(actor, permission)
    return PlatformScope(_Platform(actor.id))


def system_tenant_scope(actor: Actor, tenant_id: UUID) -> TenantScope:
    """One tenant, for our own workers, which act for it without a person."""
    if actor.kind is not ActorKind.SYSTEM:
        raise Forbidden()
    return TenantScope(_Tenant(tenant_id))
