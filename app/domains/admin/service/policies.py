"""Policies: list them, preview a change, make it with a reason, show the history.

A change applies to every transaction that starts after it: only a Context caches values.
"""

from collections.abc import Callable
from uuid import UUID

import msgspec

from app.domains.admin.rules.reasons import stated
from app.domains.admin.service.policy_values import (
    ChangeList,
    ChangeView,
    EffectPreview,
    PolicyScope,
    PolicyView,
    Value,
    checked_value,
    find_key,
    in_force,
    is_narrower,
    read_value,
    scoped_value,
    view_of,
    wider_value,
)
from app.domains.auth import public as auth
from app.shared.approval import ChangeRequest, Outcome, ask, performs
from app.shared.audit import AuditAction
from app.shared.authz import Permission, platform_scope
from app.shared.authz.scope import require
from app.shared.context import Context
from app.shared.errors import NotFound, ValidationFailed
from app.shared.errors.faults import named
from app.shared.paging import Slice, cut
from app.shared.policy import POLICIES
from app.shared.policy.changes import PolicyRepository
from app.shared.policy.store import POLICIES_TAG
from app.shared.use_case import use_case
from app.shared.versions import check_version


class SetPolicy(msgspec.Struct, frozen=True, kw_only=True):
    """Set a value at a scope, or remove it (None): the value of the wider scope then applies."""

    key: str
    value: Value | None
    reason: str
    tenant_id: UUID | None = None
    project_id: UUID | None = None
    seen_version: int | None = None


class PolicyChanged(msgspec.Struct, frozen=True, kw_only=True):
    """`version` is that of the key after the command, unchanged when the value was the same."""

    key: str
    version: int
    changed: bool


async def list_policies(ctx: Context) -> list[PolicyView]:
    """All keys, by name, with all their values."""
    platform_scope(ctx.actor, Permission.PLATFORM_POLICY_READ)
    values = await PolicyRepository(ctx.session).list_values()
    versions = await PolicyRepository(ctx.session).versions()
    return [
        view_of(key, [value for value in values if value.key == name], versions.get(name, 0))
        for name, key in sorted(POLICIES.items())
    ]


async def page_policies(ctx: Context, after: str | None, limit: int) -> Slice[PolicyView, str]:
    """Keys by name, in pages."""
    behind = [policy for policy in await list_policies(ctx) if after is None or policy.key > after]
    return cut(behind[: limit + 1], limit, lambda policy: policy.key)


async def show_policy(ctx: Context, name: str) -> PolicyView:
    """A key with its values. Raises NotFound."""
    platform_scope(ctx.actor, Permission.PLATFORM_POLICY_READ)
    key = find_key(name)
    versions = await PolicyRepository(ctx.session).versions(name)
    return view_of(key, await PolicyRepository(ctx.session).list_values(name), versions.get(name, 0))


async def list_changes(ctx: Context, name: str, before: int | None, limit: int) -> ChangeList:
    """The changes of a key, newest first. Raises NotFound."""
    platform_scope(ctx.actor, Permission.PLATFORM_POLICY_READ)
    find_key(name)
    rows = await PolicyRepository(ctx.session).list_changes(name, before, limit + 1)
    items = tuple(
        ChangeView(
            version=row.version,
            tenant_id=row.tenant_id,
            project_id=row.project_id,
            before=row.before,
            after=row.after,
            reason=row.reason,
            changed_by=row.changed_by,
            changed_at=row.changed_at,
        )
        for row in rows[:limit]
    )
    return ChangeList(items=items, next_cursor=items[-1].version if len(rows) > limit else None)


@use_case(Permission.PLATFORM_POLICY_MANAGE, AuditAction.POLICY_SET, lambda command, _result: command.key)
async def set_policy(ctx: Context, command: SetPolicy) -> Outcome[PolicyChanged]:
    """Set or remove a value, or request it when that weakens a guard. Raises NotFound (key, organisation, project),
    ValidationFailed (bounds, reason), PreconditionFailed when the key has changed since it was read."""
    key = find_key(command.key)
    reason = stated(command.reason)
    scope = PolicyScope(tenant_id=command.tenant_id, project_id=command.project_id)
    version = await PolicyRepository(ctx.session).lock_key(key.name)
    check_version(version, command.seen_version)
    effect = await preview(ctx, key.name, command.value, scope)
    if not effect.needs_second:
        return Outcome(done=await _put(ctx, command, ctx.actor.id, reason))
    ctx.about(command.tenant_id)
    where = "an organisation" if scope.tenant_id else "everybody"
    asked = await ask(
        ctx, AuditAction.POLICY_SET, msgspec.structs.replace(command, seen_version=version), target=key.name,
        summary=f"{key.name} for {where}: {effect.current} becomes {effect.new} {key.unit}".strip(),
        reason=reason, tenant_id=command.tenant_id,
    )  # fmt: skip
    return Outcome(asked=asked)


@performs(AuditAction.POLICY_SET, SetPolicy)
async def set_guard(ctx: Context, command: SetPolicy, request: ChangeRequest) -> PolicyChanged:
    """Run an approved change; the history names its requester. Raises PreconditionFailed when the key has changed."""
    check_version(await PolicyRepository(ctx.session).lock_key(command.key), command.seen_version)
    changed = await _put(ctx, command, request.requested_by, request.reason)
    await ctx.audit(AuditAction.POLICY_SET, command.key, {"requested_by": str(request.requested_by)})
    return changed


async def _put(ctx: Context, command: SetPolicy, by: UUID | None, reason: str) -> PolicyChanged:
    key = find_key(command.key)
    if command.value is not None:
        checked_value(key, command.value)
    await _check_scope(ctx, PolicyScope(tenant_id=command.tenant_id, project_id=command.project_id))
    version = await PolicyRepository(ctx.session).lock_key(key.name)
    position = (command.tenant_id, command.project_id)
    change = await PolicyRepository(ctx.session).put_value(
        key.name, command.value, *position, by, reason, await ctx.now()
    )
    ctx.about(command.tenant_id)
    if change is None:
        ctx.explain(reason=reason)
        ctx.changed()
        return PolicyChanged(key=key.name, version=version, changed=False)
    ctx.invalidate(POLICIES_TAG)
    ctx.explain(reason=reason, project_id=_text(command.project_id))
    ctx.changed(value=(change.before, change.after))
    return PolicyChanged(key=key.name, version=change.version, changed=True)


async def preview(ctx: Context, name: str, value: Value | None, scope: PolicyScope) -> EffectPreview:
    """The effect of setting `value` at `scope` (None: of removing it). Raises NotFound, ValidationFailed."""
    require(ctx.actor, Permission.PLATFORM_POLICY_READ)
    key = find_key(name)
    await _check_scope(ctx, scope)
    stored = await PolicyRepository(ctx.session).list_values(name)
    new = wider_value(key, stored, scope) if value is None else checked_value(key, value)
    narrower = [scoped_value(key, one) for one in stored if is_narrower(one, scope)]
    current = in_force(key, stored, scope)
    return EffectPreview(
        scope=scope, current=current, new=new, needs_second=key.loosens(current, new), overridden_by=tuple(narrower)
    )


async def try_value(
    ctx: Context, name: str, text: str, remove: bool, scope: Callable[[], PolicyScope]
) -> tuple[EffectPreview | None, str]:
    """The effect of a value typed into the page, or what is wrong with it."""
    try:
        value = None if remove else read_value(name, text)
        return await preview(ctx, name, value, scope()), ""
    except ValidationFailed as refusal:
        return None, next(iter(refusal.fields.values()), refusal.message)
    except NotFound:
        return None, "There is no such organisation or project."


async def names_in(ctx: Context, policy: PolicyView, changes: ChangeList) -> dict[str, str]:
    """Names, by id, in the values and changes of a key."""
    ids: set[UUID | None] = set()
    for value in policy.values:
        ids |= {value.tenant_id, value.project_id, value.set_by}
    for change in changes.items:
        ids |= {change.tenant_id, change.project_id, change.changed_by}
    result = await auth.names_of(ctx, {one for one in ids if one is not None})
    return {str(key): name for key, name in result.items()}


async def _check_scope(ctx: Context, scope: PolicyScope) -> None:
    if scope.tenant_id is None:
        if scope.project_id is not None:
            raise ValidationFailed(fields={"tenant_id": "A project needs its organisation."})
        return
    with named("tenant_id", "There is no such organisation."):
        await auth.tenant(ctx, scope.tenant_id)
    if scope.project_id is not None:
        with named("project_id", "There is no such project in this organisation."):
            if (await auth.project(ctx, scope.project_id)).tenant_id != scope.tenant_id:
                raise NotFound()


def _text(value: UUID | None) -> str | None:
    return None if value is None else str(value)
