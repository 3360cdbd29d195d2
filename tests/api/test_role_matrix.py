"""Every route by every role: who holds the permission passes the door, who does not is refused, on all of them.

The routes are those of the application, the roles those of the table: neither list is written here.
"""

import secrets
from typing import TYPE_CHECKING

import httpx
import pytest

from app.shared.authz import Actor, ActorKind, Permission, Role, RoleBinding
from app.shared.authz.permissions import GRANTS, is_platform
from app.shared.authz.scope import holds
from tests.architecture.test_routes import _fill, _routes
from tests.fixtures.app import ORIGIN, SignIn, create_app, tenant_of

if TYPE_CHECKING:
    from app.shared.context import Runtime

WAITS = ("/api/v1/events",)  # a long poll: it has nothing to do with roles beyond its door


def actor_with(role: Role, place: Actor) -> Actor:
    """A person who holds this one role where `place` stands."""
    platform, project = role.value.startswith("platform_"), role.value.startswith("project_")
    binding = RoleBinding(role, None if platform else place.tenant_id, place.project_id if project else None)
    return Actor(
        kind=ActorKind.USER,
        id=place.id,
        tenant_id=None if platform else place.tenant_id,
        project_id=None if platform else place.project_id,
        bindings=(binding,),
        session_id=place.session_id,
        name=role.value,
    )


@pytest.mark.parametrize("role", list(Role))
async def test_a_role_passes_exactly_the_doors_of_its_permissions(
    runtime: "Runtime", sign_in_as: SignIn, role: Role
) -> None:
    ada = await sign_in_as("ada")
    assert tenant_of(ada)
    actor = actor_with(role, ada.actor)

    async def authenticate(_runtime: object, _cookie: str | None, bearer: str | None) -> Actor:
        return actor

    runtime.authenticate = authenticate
    app = create_app(runtime)
    wrong, doors = [], 0
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=ORIGIN) as client:
        for method, path, handler in _routes(app):
            permission = handler.opt.get("permission")
            if permission is None or path in WAITS:
                continue
            headers = {"authorization": "Bearer any", "x-idempotency-key": secrets.token_hex(8)}
            answer = await client.request(method, _fill(path), headers=headers, follow_redirects=False)
            allowed = holds(actor, permission, actor.tenant_id, actor.project_id)
            if permission is Permission.PROFILE and actor.tenant_id is None and answer.status_code == 403:
                continue  # theirs, but kept in an organisation, and operators have none
            if (answer.status_code == 403) is allowed or (answer.status_code >= 500 and answer.status_code != 503):
                wrong.append((method, path, permission.value, answer.status_code, answer.text[:120]))
            doors += allowed
    assert not wrong, "\n".join(map(str, wrong))
    assert doors > 0


def test_every_permission_is_held_by_somebody() -> None:
    assert all(GRANTS[permission] for permission in Permission)


def test_no_role_reaches_across_the_border_between_customers_and_the_platform() -> None:
    for permission, roles in GRANTS.items():
        for role in roles:
            if permission is not Permission.PROFILE:
                assert role.value.startswith("platform_") == is_platform(permission), (permission, role)
