"""The tables of docs/ that stand in the code: errors, events, permissions, policies, limits of requests."""

from collections.abc import Sequence

from app.registry import DOMAINS
from app.shared.audit import AuditAction
from app.shared.authz.permissions import GRANTS, Permission, Role
from app.shared.errors import DomainError
from app.shared.events.catalogue import EventEntry, entries
from app.shared.policy import POLICIES, PolicyKey
from app.shared.rdb.rate_limit import LIMITS
from app.shared.use_case import PRIVILEGED
from devstack.docs.markdown import page, table

AnyKey = PolicyKey[int] | PolicyKey[str] | PolicyKey[bool]


def errors_page() -> str:
    """All error codes, by status, then by code."""
    found = sorted(DomainError.catalogue().values(), key=lambda cls: (cls.status, cls.code))
    rows = [
        (f"`{cls.code}`", str(cls.status), "yes" if cls.retryable else "", cls.title, _origin(cls.__module__))
        for cls in found
    ]
    return page(
        "Errors",
        "A program gets every refusal in one envelope, with its true HTTP status:",
        "```json\n"
        '{"error": {"code": "…", "message": "…", "details": {}, "correlation_id": "…", "retryable": false}}\n'
        "```",
        "Rely on `code` and `retryable`; `message` is for people and may change. `correlation_id` also comes as the "
        "header `X-Correlation-Id` and stands in every log line of the request. 429 and 503 carry `Retry-After` in "
        "seconds. In a browser the same refusal is a page, or an alert inside the page.",
        table(("code", "status", "retryable", "sentence", "from"), rows),
    )


def events_page() -> str:
    """All events with their fields and listeners, by subject."""
    return page(
        "Events",
        "A subject is `berth.v1.<domain>.<aggregate>.<verb>`. A message is JSON: `envelope` (`id`, `name`, `version`, "
        "`occurred_at`, `correlation_id`, `causation_id`, `tenant_id`, `project_id`) and `data`, the fields below. "
        "`version` is the version of the aggregate after the change. Fields are only ever added; amounts are "
        "micro-units (1 USD = 1,000,000). A message may arrive twice: `envelope.id` tells.",
        *(_event(entry) for entry in entries(DOMAINS)),
    )


def permissions_page() -> str:
    """Which role holds which permission, and which permission each audited action asks for."""
    platform = [role for role in Role if role.value.startswith("platform_")]
    customer = [role for role in Role if role not in platform]
    actions = [_action(action) for action in sorted(AuditAction)]
    return page(
        "Permissions",
        "One table in `app/shared/authz/permissions.py`, one function that decides: `holds` in "
        "`app/shared/authz/scope.py`. A tenant role counts in its organisation, a project role in its project; what is "
        "outside is answered 404. Platform roles reach across organisations for `platform:` permissions only.",
        "## Roles of customers",
        _matrix(customer),
        "## Roles of the platform",
        _matrix(platform),
        "## Audited actions",
        "Each leaves a row in `admin.audit_logs`; so does a change of somebody who is signed in that is refused, by "
        "the use case or before it. What is only read and refused, and what nobody known asks for, is logged.",
        table(("action", "about", "effect", "permission"), actions),
    )


def _action(action: AuditAction) -> tuple[str, str, str, str]:
    asked = {kind: PRIVILEGED[action, kind] for kind in action.kinds if (action, kind) in PRIVILEGED}
    permissions = dict.fromkeys(f"`{permission}`" for permission in asked.values())
    return f"`{action}`", ", ".join(action.kinds).replace("_", " "), action.effect, ", ".join(permissions)


def policies_page() -> str:
    """All policy keys, by name."""
    return page(
        "Policies",
        "Business constants. A row in `shared.policy_values` (key, value as JSON, optional tenant and project) takes "
        "the place of the default; the narrowest scope wins; a stored value outside its bounds counts as absent. Each "
        "transaction reads them anew, so that a change is in force at once.",
        table(
            ("key", "default", "bounds", "unit", "meaning"),
            [_policy(key) for _, key in sorted(POLICIES.items())],
        ),
    )


def limits_page() -> str:
    """How many requests are answered."""
    found = LIMITS.values()
    rows = [(f"`{limit.name}`", limit.who, limit.what, str(limit.count), str(limit.seconds)) for limit in found]
    return page(
        "Limits of requests",
        """
        Answers carry `RateLimit-Policy` and `RateLimit` (draft-ietf-httpapi-ratelimit-headers-10); beyond a limit the
        answer is 429 with `Retry-After`. Who is signed in is never counted by address; an address is an IPv4 address or
        the /64 of an IPv6 address. Without Valkey nothing is counted.
        """,
        table(("name", "counted by", "what", "requests", "in seconds"), rows),
    )


def _event(entry: EventEntry) -> str:
    rows = [
        (f"`{name}`", f"`{kind}`", "the aggregate's id" if name == entry.aggregate else "")
        for name, kind in entry.fields.items()
    ]
    heard = ", ".join(f"`{name}`" for name in entry.consumers) or "nobody"
    parts = [f"## `{entry.subject}`", entry.meaning, table(("field", "type", ""), rows), f"Heard by: {heard}."]
    return "\n\n".join(part for part in parts if part)


def _policy(key: AnyKey) -> tuple[str, ...]:
    bounds = "" if key.minimum is None and key.maximum is None else f"{key.minimum} to {key.maximum}"
    meaning = f"{key.description} Loosening it takes two people." if key.guard else key.description
    return f"`{key.name}`", f"`{str(key.default).lower()}`", bounds, key.unit, meaning


def _matrix(roles: Sequence[Role]) -> str:
    rows = [
        (f"`{permission.value}`", *("yes" if role in GRANTS[permission] else "" for role in roles))
        for permission in Permission
        if any(role in GRANTS[permission] for role in roles)
    ]
    return table(("permission", *(f"`{role.value}`" for role in roles)), rows)


def _origin(module: str) -> str:
    """The domain of a module, or `shared`."""
    parts = module.split(".")
    return parts[2] if parts[1] == "domains" else parts[1]
