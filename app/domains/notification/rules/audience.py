"""Whom an event concerns, by the roles that people hold in the organisation."""

from collections.abc import Iterable, Mapping
from uuid import UUID

from app.domains.auth.contracts import RoleHolder
from app.domains.notification.rules.messages import Audience, Kind
from app.shared.authz import Role

ADMINS = frozenset({Role.TENANT_OWNER, Role.TENANT_ADMIN})
MONEY = ADMINS | {Role.TENANT_BILLING}
WORKERS = frozenset({Role.TENANT_OWNER, Role.TENANT_ADMIN, Role.TENANT_MEMBER})
PROJECT_WORKERS = frozenset({Role.PROJECT_ADMIN, Role.PROJECT_MEMBER})


def audience(
    kind: Kind, data: Mapping[str, object], holders: Iterable[RoleHolder], project_id: UUID | None
) -> frozenset[UUID]:
    """The people to notify. People without a role there are never notified, whatever the event says."""
    present = list(holders)
    about = {holder.user_id for holder in present if str(holder.user_id) == str(data.get("user_id"))}
    if kind.audience is Audience.PERSON:
        return frozenset(about)
    if kind.audience is Audience.OWN:
        return frozenset(about | _in_project(present, frozenset({Role.PROJECT_ADMIN}), project_id))
    if kind.audience is Audience.PROJECT:
        return frozenset(_in_tenant(present, WORKERS) | _in_project(present, PROJECT_WORKERS, project_id))
    return frozenset(_in_tenant(present, MONEY if kind.audience is Audience.MONEY else ADMINS))


def _in_tenant(holders: Iterable[RoleHolder], roles: frozenset[Role]) -> set[UUID]:
    return {holder.user_id for holder in holders if holder.project_id is None and holder.role in roles}


def _in_project(holders: Iterable[RoleHolder], roles: frozenset[Role], project_id: UUID | None) -> set[UUID]:
    if project_id is None:
        return set()
    return {holder.user_id for holder in holders if holder.project_id == project_id and holder.role in roles}
