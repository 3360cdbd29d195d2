"""Forms, JSON and pages of policies."""

from uuid import UUID

import msgspec

from app.domains.admin.service.policies import SetPolicy
from app.domains.admin.service.policy_values import ChangeList, EffectPreview, PolicyScope, PolicyView, Value
from app.shared.authz import Permission
from app.shared.authz.actor import Actor
from app.shared.authz.scope import may
from app.shared.errors import ValidationFailed
from app.shared.formats import duration, money_exact
from app.shared.text import given
from app.web.etag import seen_version
from app.web.show_code import ApiCall, call

SECONDS = frozenset({"s", "seconds"})


class PolicyForm(msgspec.Struct, frozen=True, kw_only=True):
    """`value` as typed; `take_back` removes the value. `seen` is the version that the page showed."""

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
    """A null `value` removes the value at that scope. Without `tenant_id` it applies everywhere."""

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
    """Keys by domain: all, or those whose name or description contains the search. `texts`: the value of each key."""

    groups: tuple[PolicyGroup, ...]
    texts: dict[str, str]
    search: str
    total: int

    @classmethod
    def of(cls, policies: list[PolicyView], search: str) -> "PoliciesPage":
        word = search.strip().lower()
        matching = [policy for policy in policies if word in f"{policy.key} {policy.description}".lower()]
        domains = sorted({policy.domain for policy in matching})
        return cls(
            groups=tuple(
                PolicyGroup(domain=name, policies=tuple(policy for policy in matching if policy.domain == name))
                for name in domains
            ),
            texts={policy.key: value_text(policy, policy.value) for policy in matching},
            search=search,
            total=len(policies),
        )


class PolicyPage(msgspec.Struct, frozen=True, kw_only=True):
    """`preview`: the effect of the value that was tried, if any; `problem`: what is wrong with it."""

    policy: PolicyView
    changes: ChangeList
    names: dict[str, str]
    may_set: bool
    asked: PolicyForm
    preview: EffectPreview | None
    problem: str
    call: ApiCall

    @classmethod
    def of(
        cls,
        policy: PolicyView,
        changes: ChangeList,
        names: dict[str, str],
        actor: Actor,
        *,
        asked: PolicyForm,
        preview: EffectPreview | None,
        problem: str,
    ) -> "PolicyPage":
        value = preview.new if preview else policy.value
        body = PolicyBody(value=value, reason=given(asked.reason) or "why")
        command = ("admin", "policies", "set", policy.key, str(value), "--reason", body.reason)
        return cls(
            policy=policy,
            changes=changes,
            names=names,
            may_set=may(actor, Permission.PLATFORM_POLICY_MANAGE),
            asked=asked,
            preview=preview,
            problem=problem,
            call=call("PUT", f"/api/v1/admin/policies/{policy.key}", body, cli=command),
        )

    def text(self, value: Value | None) -> str:
        """`value` with its unit."""
        return value_text(self.policy, value)


def scope_of(tenant: str, project: str) -> PolicyScope:
    """Raises ValidationFailed for an invalid id."""
    return PolicyScope(tenant_id=_uuid("tenant", tenant), project_id=_uuid("project", project))


def value_text(policy: PolicyView, value: Value | None) -> str:
    """A value with its unit: 7200 seconds as “2 h 00 m”, micro-units as an amount."""
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


def _uuid(field: str, text: str) -> UUID | None:
    try:
        return UUID(text.strip()) if text.strip() else None
    except ValueError as error:
        raise ValidationFailed(fields={field: "Write the complete id, or leave it empty."}) from error
