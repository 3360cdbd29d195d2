"""`berth docs`: writes the pages of `docs/` that are tables of what stands in the code: errors, events, permissions,
policies, and the API's description `openapi.json`.

A test compares them, so that a page cannot say something else than the code. A description that would break programs is
not written without being told to. Owns no prose: that is written by hand.
"""

import argparse
import inspect
import json
from collections.abc import Callable, Iterable, Sequence
from importlib import import_module
from pathlib import Path

from app.settings import load_settings
from app.shared.authz.permissions import GRANTS, Permission, Role
from app.shared.authz.privileged import PRIVILEGED
from app.shared.errors import DomainError
from app.shared.events.catalogue import EventEntry, entries
from app.shared.policy import POLICIES, PolicyKey

API = "openapi.json"
NOWHERE = {
    "BERTH_ENV": "development",
    "BERTH_PUBLIC_URL": "http://localhost:8000",
    "BERTH_SECRET_KEY": "0123456789abcdef" * 4,
    "BERTH_DATABASE_URL": "postgresql://nobody@127.0.0.1:1/nowhere",
    "BERTH_VALKEY_URL": "redis://127.0.0.1:1/0",
    "BERTH_NATS_URL": "nats://127.0.0.1:1",
    "BERTH_TEMPORAL_ADDRESS": "127.0.0.1:1",
    "BERTH_S3_URL": "http://127.0.0.1:1",
    "BERTH_S3_ACCESS_KEY": "-",
    "BERTH_S3_SECRET_KEY": "-",
    "BERTH_MAAS_URL": "http://127.0.0.1:1/MAAS",
    "BERTH_MAAS_API_KEY": "a:b:c",
    "BERTH_STRIPE_SECRET_KEY": "sk_test_0",
    "BERTH_STRIPE_WEBHOOK_SECRET": "whsec_0",
    "BERTH_OIDC_ISSUER": "http://localhost:1",
    "BERTH_OIDC_CLIENT_SECRET": "-",
    "BERTH_PKI_DIR": "nowhere",
}  # the description needs an application, and that needs settings; nothing is connected to
DOCS = Path(__file__).resolve().parents[2] / "docs"
DOMAINS = Path(__file__).resolve().parents[1] / "domains"
NOTE = "Written by `./berth docs` from the code; a test compares them."
AnyKey = PolicyKey[int] | PolicyKey[str] | PolicyKey[bool]


def main(words: list[str]) -> int:
    """Writes the pages; with `--check` writes nothing and answers 1 when one of them is out of date."""
    parser = argparse.ArgumentParser("berth docs", description="Write the pages that are generated from the code.")
    parser.add_argument("--check", action="store_true", help="only say which pages are out of date")
    parser.add_argument("--break-clients", action="store_true", help="write an API that takes something away")
    options = parser.parse_args(words)
    stale = {name: text for name, text in pages().items() if _read(DOCS / name) != text}
    broken = _broken(stale.get(API)) if not options.break_clients else []
    for line in broken:
        print(f"docs/{API}: {line}")
    if broken:
        return 1
    for name, text in stale.items():
        if not options.check:
            (DOCS / name).write_text(text, "utf-8")
        print(f"docs/{name} {'is out of date; run ./berth docs' if options.check else 'written'}")
    return 1 if options.check and stale else 0


def pages() -> dict[str, str]:
    """Every generated page by its name in `docs/`."""
    _know_everything()
    makers: dict[str, Callable[[], str]] = {
        "errors.md": errors_page,
        "events.md": events_page,
        "permissions.md": permissions_page,
        "policies.md": policies_page,
        "limits.md": limits_page,
        "settings.md": settings_page,
        API: openapi,
    }
    return {name: make() for name, make in makers.items()}


def openapi() -> str:
    """The API's description as JSON, one line a value, so that a change is seen in a diff."""
    from app.asgi import create_app
    from app.shared.context import Runtime
    from app.shared.db import Database
    from app.shared.rdb import connect
    from app.web.openapi.document import described

    settings = load_settings(NOWHERE)
    runtime = Runtime(settings, Database(settings.database), connect(settings.valkey_url))
    return json.dumps(described(create_app(runtime)), indent=1, ensure_ascii=False) + "\n"


def _broken(text: str | None) -> list[str]:
    """What programs lose by the new description."""
    from app.web.openapi.diff import losses

    before = _read(DOCS / API)
    return losses(json.loads(before), json.loads(text)) if text and before else []


def errors_page() -> str:
    """All error codes, by status, then by code."""
    found = sorted(DomainError.catalogue().values(), key=lambda cls: (cls.status, cls.code))
    rows = [
        (f"`{cls.code}`", str(cls.status), "yes" if cls.retryable else "", cls.title, _origin(cls.__module__))
        for cls in found
    ]
    return _page(
        "Errors",
        "A program gets every refusal in one envelope, with its true HTTP status:",
        "```json\n"
        '{"error": {"code": "…", "message": "…", "details": {}, "correlation_id": "…", "retryable": false}}\n'
        "```",
        "Rely on `code` and `retryable`; `message` is for people and may change. `correlation_id` also comes as the "
        "header `X-Correlation-Id` and stands in every log line of the request. 429 and 503 carry `Retry-After` in "
        "seconds. In a browser the same refusal is a page, or an alert inside the page.",
        _table(("code", "status", "retryable", "sentence", "from"), rows),
    )


def events_page() -> str:
    """All events with their fields and listeners, by subject."""
    from app.registry import DOMAINS as REGISTERED

    return _page(
        "Events",
        "A subject is `berth.v1.<domain>.<aggregate>.<verb>`. A message is JSON: `envelope` (`id`, `name`, `version`, "
        "`occurred_at`, `correlation_id`, `causation_id`, `tenant_id`, `project_id`) and `data`, the fields below. "
        "`version` is the version of the aggregate after the change. Fields are only ever added; amounts are "
        "micro-units (1 USD = 1,000,000). A message may arrive twice: `envelope.id` tells.",
        *(_event(entry) for entry in entries(REGISTERED)),
    )


def permissions_page() -> str:
    """Which role holds which permission, and which permission each audited action asks for."""
    platform = [role for role in Role if role.value.startswith("platform_")]
    customer = [role for role in Role if role not in platform]
    actions = [(f"`{action}`", f"`{permission.value}`") for action, permission in sorted(PRIVILEGED.items())]
    return _page(
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
        _table(("action", "permission"), actions),
    )


def policies_page() -> str:
    """All policy keys, by name."""
    return _page(
        "Policies",
        "Business constants. A row in `shared.policy_values` (key, value as JSON, optional tenant and project) takes "
        "the place of the default; the narrowest scope wins; a stored value outside its bounds counts as absent. Each "
        "transaction reads them anew, so that a change is in force at once.",
        _table(
            ("key", "default", "bounds", "unit", "meaning"),
            [_policy(key) for _, key in sorted(POLICIES.items())],
        ),
    )


def _know_everything() -> None:
    """Errors and policies are known once their modules are imported."""
    import_module("app.registry")
    import_module("app.web.errors.render")
    for path in sorted([*DOMAINS.glob("*/errors.py"), *DOMAINS.glob("*/errors/__init__.py")]):
        import_module(f"app.domains.{path.relative_to(DOMAINS).parts[0]}.errors")


def _event(entry: EventEntry) -> str:
    rows = [
        (f"`{name}`", f"`{kind}`", "the aggregate's id" if name == entry.aggregate else "")
        for name, kind in entry.fields.items()
    ]
    heard = ", ".join(f"`{name}`" for name in entry.consumers) or "nobody"
    parts = [f"## `{entry.subject}`", entry.meaning, _table(("field", "type", ""), rows), f"Heard by: {heard}."]
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
    return _table(("permission", *(f"`{role.value}`" for role in roles)), rows)


def _origin(module: str) -> str:
    """The domain of a module, or `shared`."""
    parts = module.split(".")
    return parts[2] if parts[1] == "domains" else parts[1]


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)


def limits_page() -> str:
    """How many requests are answered."""
    from app.shared.rdb.rate_limit import LIMITS

    found = LIMITS.values()
    rows = [(f"`{limit.name}`", limit.who, limit.what, str(limit.count), str(limit.seconds)) for limit in found]
    return _page(
        "Limits of requests",
        """
        Answers carry `RateLimit-Policy` and `RateLimit` (draft-ietf-httpapi-ratelimit-headers-10); beyond a limit the
        answer is 429 with `Retry-After`. Who is signed in is never counted by address; an address is an IPv4 address or
        the /64 of an IPv6 address. Without Valkey nothing is counted.
        """,
        _table(("name", "counted by", "what", "requests", "in seconds"), rows),
    )


READ_ONCE = """
Every process reads them once, from its environment, and refuses to start with one that cannot be used: it names all of
them at once, never a value. A variable that is empty counts as not set; spaces around a value, invisible characters and
values that stand twice in a list are refused. `berth settings` checks an environment without starting anything; with
`--ask` it asks the services too.
"""
IN_PRODUCTION = """
`BERTH_ENV` is `production` unless it is set. Beyond the last column of the table:

- `BERTH_APPS_URL` is set, on another registrable domain than `BERTH_PUBLIC_URL` (by the public suffix list, so that
  `cloud.co.uk` and `apps.co.uk` are two); no other address lies below it, and the files' host is not the portal's.
- No secret stands in two settings, passwords inside addresses included.
- `BERTH_TEMPORAL_TLS` is `yes` where Temporal has a public name.
- The services are asked at the start, and again until they answer (`/readyz` is not ready before database and Valkey
  have): the database's role owns nothing, is no superuser and may change neither ledger nor audit; database, Valkey and
  NATS refuse whoever has no password, and the bucket whoever has no key; the two keys in `BERTH_PKI_DIR` differ and are
  nobody else's to read or write.

`development` lets people sign in without a password: it is refused where `BERTH_PUBLIC_URL` is a public name, and where
`BERTH_HOST` is not of this computer alone.
"""
EXCEPTIONS = """
What production refuses may be right in one place. `BERTH_ALLOW` names it; a name that is not in this table is refused.
Each is logged at every start and shown to operators on the System page. What stands in no row cannot be let pass.
"""


def settings_page() -> str:
    """Every variable, and the exceptions from what production asks."""
    from app.settings.table import OVERRIDES, SETTINGS

    rows = [
        (
            f"`{setting.name}`",
            "yes" if setting.needed else "",
            f"as `{setting.like.name}`" if setting.like else f"`{setting.default}`" if setting.default else "",
            setting.meaning,
            setting.kind.says,
            setting.kind.wants,
        )
        for setting in SETTINGS.values()
    ]
    return _page(
        "Settings",
        READ_ONCE,
        _table(("variable", "needed", "default", "meaning", "form", "production also asks"), rows),
        "## Production",
        IN_PRODUCTION,
        "## Exceptions",
        EXCEPTIONS,
        _table(("name", "says that"), [(f"`{name}`", meaning) for name, meaning in OVERRIDES.items()]),
    )


def _page(title: str, *parts: str) -> str:
    return "\n\n".join([f"# {title}", NOTE, *(inspect.cleandoc(part) for part in parts)]) + "\n"


def _read(path: Path) -> str:
    return path.read_text("utf-8") if path.exists() else ""
