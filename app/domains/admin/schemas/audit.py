"""How the audit log and the activity are asked for, and what their pages show."""

from datetime import UTC, datetime, timedelta
from typing import Annotated
from urllib.parse import urlencode
from uuid import UUID

import msgspec
from litestar.params import QueryParameter

from app.domains.admin.contracts.audit import (
    ActivityPage,
    AuditEntry,
    AuditFilter,
    AuditPage,
    ExportAudit,
    Format,
    Result,
)
from app.shared.audit import changes_of
from app.shared.errors import ValidationFailed
from app.web.query import LongText

Chip = tuple[str, str, bool]  # text, where it leads, whether it is on
LABELS = {
    "actor": "by",
    "action": "action",
    "target": "on",
    "tenant": "organisation",
    "result": "result",
    "from": "from",
    "to": "until",
    "story": "request",
}
RESULTS: tuple[Result, ...] = ("allowed", "refused")


class AuditQuery(msgspec.Struct, frozen=True, kw_only=True):
    """The filter as it stands in a query string or a form: text, empty for "all". `target` is a kind, or kind:id."""

    actor: str = ""
    action: str = ""
    target: str = ""
    tenant: str = ""
    result: str = ""
    from_: str = msgspec.field(default="", name="from")
    to: str = ""
    story: str = ""

    def filter(self) -> AuditFilter:
        """Raises ValidationFailed naming the field that cannot be read."""
        actor = self.actor.strip()
        kind, _, target_id = self.target.strip().partition(":")
        return AuditFilter(
            actor_id=None if "@" in actor else _uuid("actor", actor),
            actor_mail=actor if "@" in actor else None,
            action=self.action.strip() or None,
            target_kind=kind or None,
            target_id=target_id or None,
            tenant_id=_uuid("tenant", self.tenant.strip()),
            result=_result(self.result),
            from_at=_instant("from", self.from_, end=False),
            to_at=_instant("to", self.to, end=True),
            correlation_id=self.story.strip() or None,
        )

    def fields(self) -> dict[str, str]:
        """What is filled in, by its name in the query string."""
        return {name: value for name, value in msgspec.to_builtins(self).items() if value}

    def query(self, **changes: str) -> str:
        """The query string with some fields changed; an empty one leaves it out. Begins with `?` when not empty."""
        kept = {name: value for name, value in {**self.fields(), **changes}.items() if value}
        return f"?{urlencode(kept)}" if kept else ""


class ExportForm(AuditQuery, frozen=True, kw_only=True):
    """The filter and the kind of file."""

    format: str = "csv"

    def command(self) -> ExportAudit:
        """Raises ValidationFailed."""
        return ExportAudit(format=_format(self.format), filter=self.filter())


class ExportBody(AuditQuery, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`format` is csv or jsonl; the other fields are those of the list."""

    format: Format = "csv"

    def command(self) -> ExportAudit:
        """Raises ValidationFailed."""
        return ExportAudit(format=self.format, filter=self.filter())


def audit_query(
    actor: LongText = "",
    action: LongText = "",
    target: LongText = "",
    tenant: LongText = "",
    result: LongText = "",
    from_: Annotated[str, QueryParameter(name="from", max_length=40)] = "",
    to: Annotated[str, QueryParameter(max_length=40)] = "",
    story: LongText = "",
) -> AuditQuery:
    """The filter of a request: by actor (id or mail), action, target (kind or kind:id), tenant, result, time,
    correlation id."""
    return AuditQuery(
        actor=actor, action=action, target=target, tenant=tenant, result=result, from_=from_, to=to, story=story
    )


def _uuid(field: str, text: str) -> UUID | None:
    if not text:
        return None
    try:
        return UUID(text)
    except ValueError as error:
        raise ValidationFailed(fields={field: "Write a whole id, or a mail address for a person."}) from error


def _result(text: str) -> Result | None:
    if text and text not in RESULTS:
        raise ValidationFailed(fields={"result": "allowed or refused"})
    return next((result for result in RESULTS if result == text), None)


def _format(text: str) -> Format:
    if text == "csv":
        return "csv"
    if text == "jsonl":
        return "jsonl"
    raise ValidationFailed(fields={"format": "csv or jsonl"})


def _instant(field: str, text: str, *, end: bool) -> datetime | None:
    """A day (its end counts to the day's end) or an instant; without a zone it is UTC."""
    typed = text.strip()
    if not typed:
        return None
    try:
        at = datetime.fromisoformat(typed)
        if at.tzinfo is None:
            at = at.replace(tzinfo=UTC)
        return at + timedelta(days=1) if end and len(typed) == 10 else at
    except (ValueError, OverflowError) as error:
        message = "Write a day as 2026-01-31, or an instant as 2026-01-31T08:00Z."
        raise ValidationFailed(fields={field: message}) from error


class AuditListPage(msgspec.Struct, frozen=True, kw_only=True):
    """What admin/audit.html gets."""

    found: AuditPage
    asked: AuditQuery
    chips: tuple[Chip, ...]
    actions: tuple[str, ...]
    first_href: str | None
    next_href: str | None


class AuditRowPage(msgspec.Struct, frozen=True, kw_only=True):
    """What admin/audit_row.html gets."""

    row: AuditEntry
    names: dict[str, str]
    changes: tuple[tuple[str, str, str], ...]  # field, old, new
    details: str


class ActivityListPage(msgspec.Struct, frozen=True, kw_only=True):
    """What admin/activity.html gets."""

    found: ActivityPage
    asked: AuditQuery
    chips: tuple[Chip, ...]
    first_href: str | None
    next_href: str | None


def audit_page(found: AuditPage, asked: AuditQuery, actions: list[str], cursor: str | None) -> AuditListPage:
    """The list under its filter."""
    return AuditListPage(
        found=found,
        asked=asked,
        chips=_chips("/admin/audit", asked, found.names),
        actions=tuple(actions),
        first_href=f"/admin/audit{asked.query()}" if cursor else None,
        next_href=f"/admin/audit{asked.query(cursor=found.next_cursor)}" if found.next_cursor else None,
    )


def audit_row_page(row: AuditEntry, names: dict[str, str]) -> AuditRowPage:
    """One row: what it changed, field by field, and its other details as indented JSON."""
    changes, rest = changes_of(row.details)
    shown = tuple((name.replace("_", " "), _value(old, names), _value(new, names)) for name, old, new in changes)
    details = msgspec.json.format(msgspec.json.encode(rest), indent=2).decode() if rest else ""
    return AuditRowPage(row=row, names=names, changes=shown, details=details)


def _value(value: object, names: dict[str, str]) -> str:
    match value:
        case None:
            return "none"
        case bool():
            return "yes" if value else "no"
        case list():
            return ", ".join(map(str, value)) or "none"
        case _:
            return names.get(str(value), str(value))


def activity_page(found: ActivityPage, asked: AuditQuery, cursor: str | None) -> ActivityListPage:
    """The activity under its filter."""
    names = {str(line.actor_id): line.who for line in found.items if line.actor_id}
    return ActivityListPage(
        found=found,
        asked=asked,
        chips=_chips("/activity", asked, names),
        first_href=f"/activity{asked.query()}" if cursor else None,
        next_href=f"/activity{asked.query(cursor=found.next_cursor)}" if found.next_cursor else None,
    )


def _chips(path: str, asked: AuditQuery, names: dict[str, str]) -> tuple[Chip, ...]:
    return tuple(
        (f"{LABELS[name]} {names.get(value, value)}", path + asked.query(**{name: ""}), True)
        for name, value in asked.fields().items()
        if name in LABELS
    )
