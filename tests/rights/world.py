"""A person whose right ends, in every way, and what they hold things of: a project with a machine and a file."""

from dataclasses import dataclass, field
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import text

from app.domains.auth.contracts.customers import SuspendPerson, SuspendTenant
from app.domains.auth.public import suspend_person, suspend_tenant
from app.domains.auth.service import accounts, projects, sessions, team
from app.domains.auth.service.accounts import CreateServiceAccount, DisableAccount
from app.domains.auth.service.projects import CreateProject
from app.domains.auth.service.sessions import RevokeSession
from app.domains.auth.service.team import RemoveMember, SetRole
from app.domains.provisioning.contracts import AllocationId
from app.domains.provisioning.repository import AllocationRepository
from app.domains.provisioning.repository.allocations import NewAllocation
from app.domains.releases import public as releases
from app.domains.releases.contracts import RevokeKey
from app.domains.releases.service import keys
from app.domains.storage.repository import FolderRepository, ObjectRepository, UsageRepository
from app.domains.storage.service import namespaces, objects
from app.domains.storage.service.objects import DeleteObject, PurgeObject
from app.shared.audit import AuditAction
from app.shared.authz import Actor, ActorKind, Permission, Role, RoleBinding, project_scope
from app.shared.authz.actor import SYSTEM
from app.shared.ids import ProjectId, TenantId, UserId, new_id
from tests.domains.auth.world import join, refresh
from tests.fixtures.app import Browser
from tests.rights.holders import Way


@dataclass
class World:
    """`ben` holds something; `actor` does it for him where a program can. `account_id`: that program."""

    runtime: Any
    client: Any
    ada: Browser
    ben: Browser
    olga: Browser
    actor: Actor
    allocation_id: UUID
    object_id: UUID
    account_id: UUID | None = None
    key_id: UUID | None = None
    kept: dict[str, Any] = field(default_factory=dict)

    @property
    def tenant_id(self) -> UUID:
        return self.ada.actor.tenant_id

    @property
    def project_id(self) -> UUID:
        return self.ada.actor.project_id


async def make_world(runtime, sign_in_as, client, way: Way) -> World:
    ada, ben = await sign_in_as("ada"), await sign_in_as("ben")
    olga = await sign_in_as("olga", operator=True)
    if way is Way.PROJECT_LEFT:
        async with runtime.context(ada.actor) as ctx:
            second = await projects.create_project(ctx, CreateProject(name="second"))
        await join(runtime, ada, ben, "project_member", ada.actor.project_id)
        async with runtime.context(ada.actor) as ctx:
            role = SetRole(user_id=ben.actor.id, role="project_member", project_id=second.id)
            await team.set_role(ctx, role)
        await refresh(runtime, ben)
    else:
        await join(runtime, ada, ben, "tenant_admin")
    world = World(runtime, client, ada, ben, olga, ben.actor, new_id(), new_id())
    await _machine(world)
    await _file(world)
    if way is Way.ACCOUNT_DISABLED:
        await _program(world)
    return world


async def _program(world: World) -> None:
    async with world.runtime.context(world.ada.actor) as ctx:
        command = CreateServiceAccount(name="ci", role="project_member", project_id=world.project_id)
        made = await accounts.create_service_account(ctx, command)
    world.account_id = made.id
    binding = RoleBinding(Role.PROJECT_MEMBER, world.tenant_id, world.project_id)
    world.actor = Actor(
        kind=ActorKind.SERVICE_ACCOUNT,
        id=made.id,
        tenant_id=world.tenant_id,
        project_id=world.project_id,
        bindings=(binding,),
        name="ci",
    )


async def _machine(world: World) -> None:
    async with world.runtime.context(SYSTEM) as ctx:
        now = await ctx.now()
        new = NewAllocation(
            id=AllocationId(world.allocation_id), tenant_id=TenantId(world.tenant_id),
            project_id=ProjectId(world.project_id), user_id=UserId(world.ada.actor.id), name="train-07",
            sku_id=uuid4(), sku_code="l40sx4", gpus=4, slots=None, image_code="ubuntu", currency="USD",
            rate_micro=4_960_000, price_version_id=uuid4(), hold_micro=0, login="ada", uid=20_001, gecos="Ada",
            correlation_id="test",
        )  # fmt: skip
        allocations = AllocationRepository(ctx.session)
        await allocations.change(await allocations.append(new, now), now, state="active", attempt=1, active_at=now)


async def _file(world: World) -> None:
    async with world.runtime.context(world.ada.actor) as ctx:
        scope = project_scope(ctx.actor, Permission.STORAGE_WRITE)
        namespace = await namespaces.ensure(ctx, scope, "files")
        await namespaces.lock_usage(ctx, scope)
        await FolderRepository(ctx.session, namespace.id).ensure([""], await ctx.now())
        fields = {
            "id": world.object_id, "tenant_id": world.tenant_id, "project_id": world.project_id,
            "namespace_id": namespace.id, "folder": "", "name": "a.txt", "size": 3, "content_type": "text/plain",
            "checksum": "x", "part_size": None, "created_by": world.ada.actor.id, "now": await ctx.now(),
        }  # fmt: skip
        await ObjectRepository(ctx.session).append(fields)
        await UsageRepository(ctx.session).change(world.project_id, size=3, objects=1)


async def end(world: World, way: Way) -> None:
    """The right ends in that way, by the use case that does it."""
    ben, actor = world.ben.actor, world.ada.actor
    if way in (Way.PERSON_SUSPENDED, Way.ORGANISATION_SUSPENDED):
        actor = world.olga.actor
    elif way in (Way.SIGNED_OUT, Way.KEY_DELETED):
        actor = ben
    async with world.runtime.context(actor) as ctx:
        if way is Way.REMOVED:
            await team.remove_member(ctx, RemoveMember(user_id=ben.id))
        elif way is Way.ROLE_LOWERED:
            await team.set_role(ctx, SetRole(user_id=ben.id, role="tenant_billing"))
        elif way is Way.PROJECT_LEFT:
            await team.set_role(ctx, SetRole(user_id=ben.id, role=None, project_id=world.project_id))
        elif way is Way.PERSON_SUSPENDED:
            await suspend_person(ctx, SuspendPerson(user_id=ben.id, suspend=True, reason="for the test"))
        elif way is Way.ORGANISATION_SUSPENDED:
            await suspend_tenant(ctx, SuspendTenant(tenant_id=world.tenant_id, suspend=True, reason="for the test"))
        elif way is Way.SIGNED_OUT:
            for session_id in {ben.session_id, world.kept.get("session_id", ben.session_id)}:
                await sessions.revoke_session(ctx, RevokeSession(session_id=session_id))
        elif way is Way.KEY_DELETED:
            await keys.revoke_key(ctx, RevokeKey(key_id=world.key_id))
        elif way is Way.ACCOUNT_DISABLED:
            await accounts.disable_account(ctx, DisableAccount(service_account_id=world.account_id))
        elif way is Way.FILE_PURGED:
            await objects.delete(ctx, DeleteObject(object_id=world.object_id))
            await objects.purge(ctx, PurgeObject(object_id=world.object_id))
        else:
            await _give_back(ctx, world, "exhausted" if way is Way.OUT_OF_CREDIT else "customer")


async def _give_back(ctx, world: World, reason: str) -> None:
    """What provisioning does when a release is accepted: its metering and workflow are tried in its own tests."""
    change = "UPDATE provisioning.allocations SET state = 'releasing', release_reason = :reason WHERE id = :id"
    await ctx.session.execute(text(change), {"reason": reason, "id": world.allocation_id})
    await releases.end_access(ctx, world.allocation_id)
    await ctx.audit(AuditAction.ALLOCATION_RELEASE, world.allocation_id, {"reason": reason})
