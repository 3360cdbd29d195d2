"""Forms, JSON and pages of the policies."""

from uuid import UUID

import msgspec

from app.domains.admin.contracts.policies import (
    ChangesPage,
    EffectPreview,
    PolicyScope,
    PolicyView,
    SetPolicy,
    Value,
)
from app.shared.errors import ValidationFailed
from app.shared.formats import duration, money_exact
from app.shared.text import given
from app.web.etag import seen_version
from app.web.show_code import ApiCall, call

SECONDS = frozenset({"s", "seconds"})


class PolicyForm(msgspec.Struct, frozen=True, kw_only=True):
    """`value` as typed; `take_back` means none. `seen` is the version that the page showed."""

    value: str = ""
    take_back: str = ""
    reason: str = ""
    tenant: str = ""
    project: str = ""
    seen: str = ""

    def scope(self) -> PolicyScope:
        """Raises ValidationFailed."""
        return scope_of(self.tenant, self.project)

    def command(self, key: str, value: Value | None) -> SetPolicy:
        """Raises ValidationFailed."""
        scope = self.scope()
        return SetPolicy(
            key=key,
            value=value,
            reason=self.reason,
            tenant_id=scope.tenant_id,
            project_id=scope.project_id,
            seen_version=seen_version(self.seen or None),
        )


class PolicyBody(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """`value` null takes the value at that scope back. Without `tenant_id` it counts everywhere."""

    value: int | str | bool | None
    reason: str
    tenant_id: UUID | None = None
    project_id: UUID | None = None

    def command(self, key: str, if_match: str | None) -> SetPolicy:
        return SetPolicy(
            key=key,
            value=self.value,
            reason=self.reason,
            tenant_id=self.tenant_id,
            project_id=self.project_id,
            seen_version=seen_version(if_match),
        )


class PoliciesAnswer(msgspec.Struct, frozen=True, kw_only=True):
    items: tuple[PolicyView, ...]
    next_cursor: str | None


class PolicyGroup(msgspec.Struct, frozen=True, kw_only=True):
    """The keys of one domain."""

    domain: str
    policies: tuple[PolicyView, ...]


class PoliciesPage(msgspec.Struct, frozen=True, kw_only=True):
    """What admin/policies.html gets. `said` has each value in words, by key."""

    groups: tuple[PolicyGroup, ...]
    said: dict[str, str]
    search: str
    total: int


class PolicyPage(msgspec.Struct, frozen=True, kw_only=True):
    """What admin/policy.html gets; `preview` is there when a value was tried."""

    policy: PolicyView
    changes: ChangesPage
    names: dict[str, str]
    may_set: bool
    asked: PolicyForm
    preview: EffectPreview | None
    problem: str
    call: ApiCall

    def say(self, value: Value | None) -> str:
        """The value with its unit, in words."""
        return say(self.policy, value)


def scope_of(tenant: str, project: str) -> PolicyScope:
    """Raises ValidationFailed for what is no id."""
    return PolicyScope(tenant_id=_uuid("tenant", tenant), project_id=_uuid("project", project))


def _uuid(field: str, text: str) -> UUID | None:
    try:
        return UUID(text.strip()) if text.strip() else None
    except ValueError as error:
        raise ValidationFailed(fields={field: "Write the whole id, or leave it empty."}) from error


def say(policy: PolicyView, value: Value | None) -> str:
    """`7200` seconds is “2 h 00 m”, micro-units are an amount."""
    if value is None:
        return "not set"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, str):
        return value or "empty"
    if policy.unit == "micro-units":
        return money_exact(value, "").strip()
    if policy.unit in SECONDS:
        return duration(value) if value >= 60 else f"{value} s"
    return f"{value:,} {policy.unit}".strip()


def policies_page(found: list[PolicyView], search: str) -> PoliciesPage:
    """All keys by domain, or those that hold the words looked for."""
    word = search.strip().lower()
    kept = [policy for policy in found if word in f"{policy.key} {policy.description}".lower()]
    domains = sorted({policy.domain for policy in kept})
    return PoliciesPage(
        groups=tuple(
            PolicyGroup(domain=name, policies=tuple(policy for policy in kept if policy.domain == name))
            for name in domains
        ),
        said={policy.key: say(policy, policy.value) for policy in kept},
        search=search,
        total=len(found),
    )


def policy_page(
    policy: PolicyView,
    changes: ChangesPage,
    names: dict[str, str],
    asked: PolicyForm,
    preview: EffectPreview | None,
    problem: str,
    *,
    may_set: bool,
) -> PolicyPage:
    """One key with its history."""
    shown = preview.new if preview else policy.value
    body = PolicyBody(value=shown, reason=given(asked.reason) or "why")
    words = ("admin", "policies", "set", policy.key, str(shown), "--reason", body.reason)
    return PolicyPage(
        policy=policy,
        changes=changes,
        names=names,
        may_set=may_set,
        asked=asked,
        preview=preview,
        problem=problem,
        call=call("PUT", f"/api/v1/admin/policies/{policy.key}", body, cli=words),
    )
