"""Namespaces: the root folders of a project's files. The default one always exists and is stored on first use."""

import msgspec

from app.domains.storage import policies
from app.domains.storage.errors import NamespaceNotEmpty, NamespaceTaken
from app.domains.storage.events import NamespaceChanged
from app.domains.storage.repository import NamespaceRepository, UsageRepository
from app.domains.storage.repository.namespaces import NamespaceView, Usage
from app.domains.storage.rules import names
from app.domains.storage.service.results import Done
from app.shared.audit import AuditAction, withheld
from app.shared.authz import Permission, ProjectScope, project_scope
from app.shared.context import Context
from app.shared.errors import NotFound, ValidationFailed
from app.shared.errors.faults import named
from app.shared.ids import new_id
from app.shared.use_case import use_case
from app.shared.versions import check_version


class UsageView(msgspec.Struct, frozen=True, kw_only=True):
    """What a project stores and may store. `reserved` is set aside for unfinished uploads."""

    bytes: int = 0
    objects: int = 0
    reserved_bytes: int = 0
    reserved_objects: int = 0
    quota_bytes: int = 0
    quota_objects: int = 0


class CreateNamespace(msgspec.Struct, frozen=True, kw_only=True):
    name: str


class RenameNamespace(msgspec.Struct, frozen=True, kw_only=True):
    name: str
    new_name: str
    seen: int | None = None


class DeleteNamespace(msgspec.Struct, frozen=True, kw_only=True):
    name: str


async def find(ctx: Context, scope: ProjectScope, name: str) -> NamespaceView:
    """A namespace by name, including the default one before its first use. Raises NotFound."""
    found = await NamespaceRepository(ctx.session).find(scope, name)
    if found is None and name == names.DEFAULT:
        return _default(scope)
    if found is None:
        raise NotFound()
    return found


async def list_all(ctx: Context, scope: ProjectScope) -> list[NamespaceView]:
    """All namespaces of a project, by name. A project without any has the default one."""
    return await NamespaceRepository(ctx.session).list_in(scope) or [_default(scope)]


async def ensure(ctx: Context, scope: ProjectScope, name: str) -> NamespaceView:
    """The namespace to write to, stored if it was not yet. Raises NotFound."""
    found = await find(ctx, scope, name)
    if found.version == 0:
        await NamespaceRepository(ctx.session).append(scope, found.id, name, await ctx.now())
    return found


async def ensure_named(ctx: Context, scope: ProjectScope, name: str) -> NamespaceView:
    """The same for a name in a request body. Raises ValidationFailed."""
    with named("namespace", "There is no such namespace in this project."):
        return await ensure(ctx, scope, name)


def _default(scope: ProjectScope) -> NamespaceView:
    return NamespaceView(
        id=names.default_id(scope.project_id),
        tenant_id=scope.tenant_id,
        project_id=scope.project_id,
        name=names.DEFAULT,
        created_at=None,
        version=0,
    )


async def usage(ctx: Context, scope: ProjectScope) -> UsageView:
    """The storage that a project uses, and its quota."""
    return await _with_quota(ctx, scope, await UsageRepository(ctx.session).get(scope))


async def lock_usage(ctx: Context, scope: ProjectScope) -> UsageView:
    """The same, locked: other changes of the project's storage wait for this transaction."""
    return await _with_quota(ctx, scope, await UsageRepository(ctx.session).lock(scope.tenant_id, scope.project_id))


async def _with_quota(ctx: Context, scope: ProjectScope, used: Usage) -> UsageView:
    return UsageView(
        bytes=used.bytes,
        objects=used.objects,
        reserved_bytes=used.reserved_bytes,
        reserved_objects=used.reserved_objects,
        quota_bytes=await ctx.policy(policies.QUOTA_BYTES, scope.tenant_id, scope.project_id),
        quota_objects=await ctx.policy(policies.QUOTA_OBJECTS, scope.tenant_id, scope.project_id),
    )


async def emit_changed(ctx: Context, namespace: NamespaceView, version: int, objects: int = 0) -> None:
    """Emit that the namespace or its folders changed."""
    await ctx.emit(
        NamespaceChanged(namespace_id=namespace.id, objects=objects),
        version=version,
        tenant_id=namespace.tenant_id,
        project_id=namespace.project_id,
    )


@use_case(Permission.STORAGE_WRITE, AuditAction.STORAGE_NAMESPACE_CREATE, lambda _c, result: result and result.id)
async def create(ctx: Context, command: CreateNamespace) -> Done:
    """Create an empty namespace. Raises ValidationFailed, NamespaceTaken."""
    scope = project_scope(ctx.actor, Permission.STORAGE_WRITE)
    _check_name(command.name)
    await lock_usage(ctx, scope)
    if command.name != names.DEFAULT and not await NamespaceRepository(ctx.session).list_in(scope):
        await ensure(ctx, scope, names.DEFAULT)  # a second namespace never hides the first
    namespace_id = names.default_id(scope.project_id) if command.name == names.DEFAULT else new_id()
    if not await NamespaceRepository(ctx.session).append(scope, namespace_id, command.name, await ctx.now()):
        raise NamespaceTaken()
    await emit_changed(ctx, await find(ctx, scope, command.name), 1)
    return Done(id=namespace_id, version=1)


@use_case(Permission.STORAGE_WRITE, AuditAction.STORAGE_NAMESPACE_RENAME, lambda _c, result: result and result.id)
async def rename(ctx: Context, command: RenameNamespace) -> Done:
    """Rename a namespace. Raises NotFound, NamespaceTaken, PreconditionFailed."""
    scope = project_scope(ctx.actor, Permission.STORAGE_WRITE)
    _check_name(command.new_name)
    await lock_usage(ctx, scope)
    namespace = await ensure(ctx, scope, command.name)
    check_version(namespace.version, command.seen)
    repository = NamespaceRepository(ctx.session)
    if command.new_name != command.name and await repository.find(scope, command.new_name):
        raise NamespaceTaken()
    ctx.changed(name=withheld(command.name, command.new_name))
    version = await repository.rename(namespace, command.new_name)
    await emit_changed(ctx, namespace, version)
    return Done(id=namespace.id, version=version)


@use_case(Permission.STORAGE_WRITE, AuditAction.STORAGE_NAMESPACE_DELETE, lambda _c, result: result and result.id)
async def delete(ctx: Context, command: DeleteNamespace) -> Done:
    """Delete an empty namespace. Raises NotFound, NamespaceNotEmpty."""
    scope = project_scope(ctx.actor, Permission.STORAGE_WRITE)
    await lock_usage(ctx, scope)
    namespace = await find(ctx, scope, command.name)
    repository = NamespaceRepository(ctx.session)
    if await repository.is_in_use(namespace.id):
        raise NamespaceNotEmpty()
    await repository.delete(namespace.id)
    await emit_changed(ctx, namespace, namespace.version + 1)
    return Done(id=namespace.id, version=namespace.version + 1)


def _check_name(name: str) -> None:
    if not names.is_name(name):
        raise ValidationFailed(fields={"name": names.RULE})
