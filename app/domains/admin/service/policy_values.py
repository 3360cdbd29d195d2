"""Values of policies: which one is in force at a scope, how one is typed, and the views of a key."""

from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

import msgspec

from app.shared.errors import NotFound, ValidationFailed
from app.shared.numbers import whole_number
from app.shared.policy import POLICIES
from app.shared.policy.changes import StoredValue
from app.shared.policy.keys import PolicyKey

Value = int | str | bool
AnyKey = PolicyKey[int] | PolicyKey[str] | PolicyKey[bool]


class PolicyScope(msgspec.Struct, frozen=True, kw_only=True):
    """Where a value applies: everywhere, in one organisation, in one project."""

    tenant_id: UUID | None = None
    project_id: UUID | None = None


class ScopedValue(msgspec.Struct, frozen=True, kw_only=True):
    """A stored value. `in_force` is false when it is outside the bounds of its key: the default applies then."""

    value: Value
    tenant_id: UUID | None
    project_id: UUID | None
    set_by: UUID | None
    set_at: datetime
    reason: str
    in_force: bool


class PolicyView(msgspec.Struct, frozen=True, kw_only=True):
    """A key with the value in force everywhere (`value`) and all stored values. `version` counts changes."""

    key: str
    domain: str
    kind: str  # int | str | bool
    default: Value
    minimum: int | None
    maximum: int | None
    unit: str
    description: str
    guard: str | None  # "up", "down" or "any": a change in that direction needs a second person
    value: Value
    version: int
    values: tuple[ScopedValue, ...]


class ChangeView(msgspec.Struct, frozen=True, kw_only=True):
    """A change of a key; None means not set."""

    version: int
    tenant_id: UUID | None
    project_id: UUID | None
    before: Value | None
    after: Value | None
    reason: str
    changed_by: UUID | None
    changed_at: datetime


class ChangeList(msgspec.Struct, frozen=True, kw_only=True):
    items: tuple[ChangeView, ...]
    next_cursor: int | None


class EffectPreview(msgspec.Struct, frozen=True, kw_only=True):
    """The effect of a change at its scope, and the narrower values that override it."""

    scope: PolicyScope
    current: Value
    new: Value
    needs_second: bool
    overridden_by: tuple[ScopedValue, ...]


def read_value(name: str, text: str) -> Value:
    """A typed value, in the type and bounds of its key. Raises NotFound, ValidationFailed."""
    key = find_key(name)
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
        return checked_value(key, -number if digits.startswith("-") else number)
    return checked_value(key, text)


def in_force(key: AnyKey, stored: Iterable[StoredValue], scope: PolicyScope) -> Value:
    """The value in force at `scope`: the narrowest stored one; the default when that is out of bounds."""
    value: Value = key.default
    for one in stored:  # widest scope first
        if (one.tenant_id in (None, scope.tenant_id)) and (one.project_id in (None, scope.project_id)):
            value = one.value if is_within_bounds(key, one.value) else key.default
    return value


def wider_value(key: AnyKey, stored: Iterable[StoredValue], scope: PolicyScope) -> Value:
    here = (scope.tenant_id, scope.project_id)
    return in_force(key, [one for one in stored if (one.tenant_id, one.project_id) != here], scope)


def is_narrower(one: StoredValue, scope: PolicyScope) -> bool:
    if scope.project_id is not None:
        return False
    if scope.tenant_id is not None:
        return one.tenant_id == scope.tenant_id and one.project_id is not None
    return one.tenant_id is not None


def is_within_bounds(key: AnyKey, value: object) -> bool:
    try:
        key.check(value)
    except ValueError:
        return False
    return True


def checked_value(key: AnyKey, value: Value) -> Value:
    try:
        return key.check(value)
    except ValueError as error:
        raise ValidationFailed(str(error), fields={"value": str(error)}) from error


def find_key(name: str) -> AnyKey:
    result = POLICIES.get(name)
    if result is None:
        raise NotFound()
    return result


def view_of(key: AnyKey, stored: list[StoredValue], version: int) -> PolicyView:
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
        values=tuple(scoped_value(key, one) for one in stored),
    )


def scoped_value(key: AnyKey, one: StoredValue) -> ScopedValue:
    return ScopedValue(
        value=one.value,
        tenant_id=one.tenant_id,
        project_id=one.project_id,
        set_by=one.set_by,
        set_at=one.set_at,
        reason=one.reason,
        in_force=is_within_bounds(key, one.value),
    )
