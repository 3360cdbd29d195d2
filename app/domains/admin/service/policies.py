"""Business constants: what is in force where, a change with its reason, its history, and what it would do.

A change is in force for every transaction that begins after it: nothing but a Context remembers a value.
"""

from collections.abc import Callable, Iterable
from uuid import UUID

import msgspec

from app.domains.admin.contracts.policies import (
    ChangesPage,
    ChangeView,
    EffectPreview,
    PolicyChanged,
    PolicyScope,
    PolicyView,
    ScopedValue,
    SetPolicy,
    Value,
)
from app.domains.admin.rules.reasons import stated
from app.domains.auth import public as auth
from app.shared.approval import ChangeRequest, Outcome, ask, performs
from app.shared.audit import AuditAction
from app.shared.authz import Permission, platform_scope
from app.shared.authz.scope import require
from app.shared.context import Context
from app.shared.errors import NotFound, ValidationFailed
from app.shared.errors.faults import named
from app.shared.numbers import whole_number
from app.shared.paging import Slice, cut
from app.shared.policy import POLICIES
from app.shared.policy import changes as store
from app.shared.policy.changes import StoredValue
from app.shared.policy.keys import PolicyKey
from app.shared.use_case import use_case
from app.shared.versions import check_version

AnyKey = PolicyKey[int] | PolicyKey[str] | PolicyKey[bool]


async def list_policies(ctx: Context) -> list[PolicyView]:
    """Every key there is, by name, with all its values."""
    platform_scope(ctx.actor, Permission.PLATFORM_POLICY_READ)
    values = await store.list_values(ctx.session)
    versions = await store.versions(ctx.session)
    return [
        _view(key, [value for value in values if value.key == name], versions.get(name, 0))
        for name, key in sorted(POLICIES.items())
    ]


async def page_policies(ctx: Context, after: str | None, limit: int) -> Slice[PolicyView, str]:
    """The same, a page at a time, by name."""
    behind = [policy for policy in await list_policies(ctx) if after is None or policy.key > after]
    return cut(behind[: limit + 1], limit, lambda policy: policy.key)


async def show_policy(ctx: Context, name: str) -> PolicyView:
    """One key. Raises NotFound."""
    platform_scope(ctx.actor, Permission.PLATFORM_POLICY_READ)
    key = _key(name)
    versions = await store.versions(ctx.session, name)
    return _view(key, await store.list_values(ctx.session, name), versions.get(name, 0))


async def list_changes(ctx: Context, name: str, before: int | None, limit: int) -> ChangesPage:
    """The history of a key, newest first. Raises NotFound."""
    platform_scope(ctx.actor, Permission.PLATFORM_POLICY_READ)
    _key(name)
    rows = await store.list_changes(ctx.session, name, before, limit + 1)
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
    return ChangesPage(items=items, next_cursor=items[-1].version if len(rows) > limit else None)


@use_case(Permission.PLATFORM_POLICY_MANAGE, AuditAction.POLICY_SET, lambda command, _result: command.key)
async def set_policy(ctx: Context, command: SetPolicy) -> Outcome[PolicyChanged]:
    """Set or take back one value; where that weakens a guard, ask a second person. Raises NotFound (key, organisation,
    project), ValidationFailed (bounds, reason), PreconditionFailed when somebody changed the key since it was seen."""
    key = _key(command.key)
    reason = stated(command.reason)
    scope = PolicyScope(tenant_id=command.tenant_id, project_id=command.project_id)
    version = await store.lock_key(ctx.session, key.name)
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
    """What two people decided; the history names who asked. Raises PreconditionFailed when the key changed since."""
    check_version(await store.lock_key(ctx.session, command.key), command.seen_version)
    changed = await _put(ctx, command, request.requested_by, request.reason)
    await ctx.audit(AuditAction.POLICY_SET, command.key, {"requested_by": str(request.requested_by)})
    return changed


async def _put(ctx: Context, command: SetPolicy, by: UUID | None, reason: str) -> PolicyChanged:
    key = _key(command.key)
    if command.value is not None:
        _checked(key, command.value)
    await _check_scope(ctx, PolicyScope(tenant_id=command.tenant_id, project_id=command.project_id))
    version = await store.lock_key(ctx.session, key.name)
    place = (command.tenant_id, command.project_id)
    change = await store.put_value(ctx.session, key.name, command.value, *place, by, reason, await ctx.now())
    ctx.about(command.tenant_id)
    if change is None:
        ctx.explain(reason=reason)
        ctx.changed()
        return PolicyChanged(key=key.name, version=version, changed=False)
    ctx.explain(reason=reason, project_id=_text(command.project_id))
    ctx.changed(value=(change.before, change.after))
    return PolicyChanged(key=key.name, version=change.version, changed=True)


async def preview(ctx: Context, name: str, value: Value | None, scope: PolicyScope) -> EffectPreview:
    """What setting `value` there would do (None: taking the value there back). Raises NotFound, ValidationFailed."""
    require(ctx.actor, Permission.PLATFORM_POLICY_READ)
    key = _key(name)
    await _check_scope(ctx, scope)
    stored = await store.list_values(ctx.session, name)
    new = _wider(key, stored, scope) if value is None else _checked(key, value)
    narrower = [_scoped(key, one) for one in stored if _is_inside(one, scope)]
    current = in_force(key, stored, scope)
    return EffectPreview(
        scope=scope, current=current, new=new, needs_second=key.loosens(current, new), overridden_by=tuple(narrower)
    )


async def try_value(
    ctx: Context, name: str, text: str, take_back: bool, scope: Callable[[], PolicyScope]
) -> tuple[EffectPreview | None, str]:
    """The same for what is typed into the page: the effect, or what is wrong with it."""
    try:
        value = None if take_back else read_value(name, text)
        return await preview(ctx, name, value, scope()), ""
    except ValidationFailed as refusal:
        return None, next(iter(refusal.fields.values()), refusal.message)
    except NotFound:
        return None, "There is no such organisation or project."


async def names_in(ctx: Context, policy: PolicyView, changes: ChangesPage) -> dict[str, str]:
    """Names of the organisations, projects and people that values and changes mention."""
    ids: set[UUID | None] = set()
    for value in policy.values:
        ids |= {value.tenant_id, value.project_id, value.set_by}
    for change in changes.items:
        ids |= {change.tenant_id, change.project_id, change.changed_by}
    found = await auth.names_of(ctx, {one for one in ids if one is not None})
    return {str(key): name for key, name in found.items()}


def read_value(name: str, text: str) -> Value:
    """A value as it is typed, in the key's type and bounds. Raises NotFound, ValidationFailed."""
    key = _key(name)
    typed = text.strip()
    if isinstance(key.default, bool):
        if typed.lower() not in ("true", "false", "yes", "no", "on", "off"):
            raise ValidationFailed(fields={"value": "Write yes or no."})
        return typed.lower() in ("true", "yes", "on")
    if isinstance(key.default, int):
        digits = typed.replace("_", "").replace(" ", "")
        number = whole_number(digits.removeprefix("-"))
        if number is None:
            raise ValidationFailed(fields={"value": "Write a whole number."})
        return _checked(key, -number if digits.startswith("-") else number)
    return _checked(key, text)


def in_force(key: AnyKey, stored: Iterable[StoredValue], scope: PolicyScope) -> Value:
    """The value that counts at `scope`: the narrowest stored one inside the bounds of its key."""
    value: Value = key.default
    for one in stored:  # the widest first
        if (one.tenant_id in (None, scope.tenant_id)) and (one.project_id in (None, scope.project_id)):
            value = one.value if _is_fit(key, one.value) else key.default
    return value


def _wider(key: AnyKey, stored: Iterable[StoredValue], scope: PolicyScope) -> Value:
    here = (scope.tenant_id, scope.project_id)
    return in_force(key, [one for one in stored if (one.tenant_id, one.project_id) != here], scope)


def _is_inside(one: StoredValue, scope: PolicyScope) -> bool:
    if scope.project_id is not None:
        return False
    if scope.tenant_id is not None:
        return one.tenant_id == scope.tenant_id and one.project_id is not None
    return one.tenant_id is not None


def _is_fit(key: AnyKey, value: object) -> bool:
    try:
        key.check(value)
    except ValueError:
        return False
    return True


def _checked(key: AnyKey, value: Value) -> Value:
    try:
        return key.check(value)
    except ValueError as error:
        raise ValidationFailed(str(error), fields={"value": str(error)}) from error


def _key(name: str) -> AnyKey:
    found = POLICIES.get(name)
    if found is None:
        raise NotFound()
    return found


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


def _view(key: AnyKey, stored: list[StoredValue], version: int) -> PolicyView:
    return PolicyView(
        key=key.name,
        domain=key.name.partition(".")[0],
        kind=type(key.default).__name__,
        default=key.default,
        minimum=key.minimum,
        maximum=key.maximum,
        unit=key.unit,
        description=key.description,
        guard=key.guard,
        value=in_force(key, stored, PolicyScope()),
        version=version,
        values=tuple(_scoped(key, one) for one in stored),
    )


def _scoped(key: AnyKey, one: StoredValue) -> ScopedValue:
    return ScopedValue(
        value=one.value,
        tenant_id=one.tenant_id,
        project_id=one.project_id,
        set_by=one.set_by,
        set_at=one.set_at,
        reason=one.reason,
        in_force=_is_fit(key, one.value),
    )


def _text(value: UUID | None) -> str | None:
    return None if value is None else str(value)
