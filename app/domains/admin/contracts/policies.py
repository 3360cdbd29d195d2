"""Business constants as operators see and set them."""

from datetime import datetime
from uuid import UUID

import msgspec

Value = int | str | bool


class PolicyScope(msgspec.Struct, frozen=True, kw_only=True):
    """Where a value counts: everywhere, in one organisation, in one project."""

    tenant_id: UUID | None = None
    project_id: UUID | None = None


class ScopedValue(msgspec.Struct, frozen=True, kw_only=True):
    """A stored value. `in_force` is false when it is outside the key's bounds: the default counts then."""

    value: Value
    tenant_id: UUID | None
    project_id: UUID | None
    set_by: UUID | None
    set_at: datetime
    reason: str
    in_force: bool


class PolicyView(msgspec.Struct, frozen=True, kw_only=True):
    """A key with what is in force everywhere (`value`) and every value that is stored. `version` counts changes."""

    key: str
    domain: str
    kind: str  # int | str | bool
    default: Value
    minimum: int | None
    maximum: int | None
    unit: str
    description: str
    guard: str | None  # "up", "down" or "any": a change in that direction takes a second person
    value: Value
    version: int
    values: tuple[ScopedValue, ...]


class SetPolicy(msgspec.Struct, frozen=True, kw_only=True):
    """Set a value at a scope; without a value the wider scope counts again."""

    key: str
    value: Value | None
    reason: str
    tenant_id: UUID | None = None
    project_id: UUID | None = None
    seen_version: int | None = None


class PolicyChanged(msgspec.Struct, frozen=True, kw_only=True):
    """`version` is the key's new one, or the old one when nothing was different."""

    key: str
    version: int
    changed: bool


class ChangeView(msgspec.Struct, frozen=True, kw_only=True):
    """One line of a key's history; None is "not set there"."""

    version: int
    tenant_id: UUID | None
    project_id: UUID | None
    before: Value | None
    after: Value | None
    reason: str
    changed_by: UUID | None
    changed_at: datetime


class ChangesPage(msgspec.Struct, frozen=True, kw_only=True):
    items: tuple[ChangeView, ...]
    next_cursor: int | None


class EffectPreview(msgspec.Struct, frozen=True, kw_only=True):
    """What a change would do at its scope, and which narrower values stand against it."""

    scope: PolicyScope
    current: Value
    new: Value
    needs_second: bool
    overridden_by: tuple[ScopedValue, ...]
