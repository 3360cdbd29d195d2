"""Queries, forms and pages of the audit log and of the activity."""

from datetime import UTC, datetime, timedelta
from typing import Annotated
from urllib.parse import urlencode
from uuid import UUID

import msgspec
from litestar.params import QueryParameter

from app.domains.admin.rules.values import AuditEntry, AuditFilter, Format, Result
from app.domains.admin.service.activity import ActivityList
from app.domains.admin.service.audit import AuditList, ExportAudit
from app.shared.audit import changes_of
from app.shared.errors import ValidationFailed
from app.web.query import LongText

Chip = tuple[str, str, bool]  # label, link, whether it is on
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
    """The filter as text, as in a query string or a form; empty means any value. `target` is a kind, or kind:id."""

    actor: str = ""
    action: str = ""
    target: str = ""
    tenant: str = ""
    result: str = ""
    from_: str = msgspec.field(default="", name="from")
    to: str = ""
    story: str = ""

    def filter(self) -> AuditFilter:
        """Raises ValidationFailed, with the field that is invalid."""
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
        """The fields that are not empty, by their names in the query string."""
        return {name: value for name, value in msgspec.to_builtins(self).items() if value}

    def query(self, **changes: str) -> str:
        """The query string with some fields changed, or removed when empty. Starts with `?` unless it is empty."""
        filled = {name: value for name, value in {**self.fields(), **changes}.items() if value}
        return f"?{urlencode(filled)}" if filled else ""


class ExportForm(AuditQuery, frozen=True, kw_only=True):
    """The filter and the file format."""

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


class AuditPage(msgspec.Struct, frozen=True, kw_only=True):
    log: AuditList
    asked: AuditQuery
    chips: tuple[Chip, ...]
    actions: tuple[str, ...]
    first_href: str | None
    next_href: str | None

    @classmethod
    def of(cls, log: AuditList, asked: AuditQuery, actions: list[str], cursor: str | None) -> "AuditPage":
        return cls(
            log=log,
            asked=asked,
            chips=_chips("/admin/audit", asked, log.names),
            actions=tuple(actions),
            first_href=f"/admin/audit{asked.query()}" if cursor else None,
            next_href=f"/admin/audit{asked.query(cursor=log.next_cursor)}" if log.next_cursor else None,
        )


class AuditRowPage(msgspec.Struct, frozen=True, kw_only=True):
    """`changes`: field, old value, new value. `details`: the other details as indented JSON."""

    row: AuditEntry
    names: dict[str, str]
    changes: tuple[tuple[str, str, str], ...]
    details: str

    @classmethod
    def of(cls, row: AuditEntry, names: dict[str, str]) -> "AuditRowPage":
        changes, rest = changes_of(row.details)
        return cls(
            row=row,
            names=names,
            changes=tuple(
                (name.replace("_", " "), _value(old, names), _value(new, names)) for name, old, new in changes
            ),
            details=msgspec.json.format(msgspec.json.encode(rest), indent=2).decode() if rest else "",
        )


class ActivityPage(msgspec.Struct, frozen=True, kw_only=True):
    activity: ActivityList
    asked: AuditQuery
    chips: tuple[Chip, ...]
    first_href: str | None
    next_href: str | None

    @classmethod
    def of(cls, activity: ActivityList, asked: AuditQuery, cursor: str | None) -> "ActivityPage":
        names = {str(entry.actor_id): entry.who for entry in activity.items if entry.actor_id}
        return cls(
            activity=activity,
            asked=asked,
            chips=_chips("/activity", asked, names),
            first_href=f"/activity{asked.query()}" if cursor else None,
            next_href=f"/activity{asked.query(cursor=activity.next_cursor)}" if activity.next_cursor else None,
        )


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
    """The filter of a request: actor (id or mail address), action, target (kind or kind:id), tenant, result, period,
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
        raise ValidationFailed(fields={field: "Write a complete id, or a person's mail address."}) from error


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
    """A day or an instant, in UTC unless it has a zone. A day as the end of a period is included."""
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


def _chips(path: str, asked: AuditQuery, names: dict[str, str]) -> tuple[Chip, ...]:
    return tuple(
        (f"{LABELS[name]} {names.get(value, value)}", path + asked.query(**{name: ""}), True)
        for name, value in asked.fields().items()
        if name in LABELS
    )
