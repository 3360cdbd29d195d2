"""Forms, JSON and page structs of the inbox and the preferences."""

from collections.abc import Mapping
from datetime import datetime
from uuid import UUID

import msgspec

from app.domains.notification.rules.messages import BY_NAME, KINDS
from app.domains.notification.rules.values import Choice
from app.domains.notification.service.inbox import ReadAll
from app.domains.notification.service.messages import ItemView
from app.domains.notification.service.preferences import PreferencesView, SetPreferences
from app.shared.errors import ValidationFailed
from app.shared.numbers import whole_number
from app.shared.paging import Slice
from app.web.show_code import ApiCall, call

PAGE = 30


class InboxPage(msgspec.Struct, frozen=True, kw_only=True):
    items: tuple[ItemView, ...]
    unread: int
    only_unread: bool
    next_href: str | None
    newest: str  # id of the newest item shown, so that "mark all read" leaves later ones

    @classmethod
    def of(cls, result: Slice[ItemView, UUID], unread: int, *, only_unread: bool) -> "InboxPage":
        chosen = "&unread=true" if only_unread else ""
        return cls(
            items=result.items,
            unread=unread,
            only_unread=only_unread,
            next_href=f"/notifications?cursor={result.next_cursor}{chosen}" if result.next_cursor else None,
            newest=str(result.items[0].id) if result.items else "",
        )


class BellPage(msgspec.Struct, frozen=True, kw_only=True):
    """The bell uses the frame only."""


class ItemAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """`title` and `text` are for people; `kind` and `state` are for programs."""

    id: UUID
    kind: str
    title: str
    text: str
    href: str
    state: str
    occurred_at: datetime
    read: bool

    @classmethod
    def of(cls, view: ItemView) -> "ItemAnswer":
        return msgspec.convert(msgspec.structs.asdict(view), cls)


class InboxAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """`unread` counts up to 100."""

    items: list[ItemAnswer]
    next_cursor: UUID | None
    unread: int

    @classmethod
    def of(cls, result: Slice[ItemView, UUID], unread: int) -> "InboxAnswer":
        items = [ItemAnswer.of(view) for view in result.items]
        return cls(items=items, next_cursor=result.next_cursor, unread=unread)


class ReadAllBody(msgspec.Struct, kw_only=True):
    """`until` is the newest item seen; later ones remain unread."""

    until: UUID | None = None

    def command(self) -> ReadAll:
        return ReadAll(until=self.until)


class ReadAllForm(msgspec.Struct, kw_only=True):
    until: str = ""

    def command(self) -> ReadAll:
        """Raises ValidationFailed."""
        try:
            return ReadAll(until=UUID(self.until) if self.until else None)
        except ValueError as error:
            raise ValidationFailed(fields={"until": "There is no such item."}) from error


class PreferenceRow(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the preferences page."""

    kind: str
    label: str
    email: bool
    toast: bool
    vital: bool


class PreferencesPage(msgspec.Struct, frozen=True, kw_only=True):
    groups: tuple[tuple[str, tuple[PreferenceRow, ...]], ...]
    version: int
    mail_works: bool
    vital_off: bool
    call: ApiCall

    @classmethod
    def of(cls, view: PreferencesView) -> "PreferencesPage":
        rows = [_row(choice) for choice in view.choices]
        names = dict.fromkeys(kind.group for kind in KINDS)
        groups = tuple((name, tuple(row for row in rows if BY_NAME[row.kind].group == name)) for name in names)
        first = view.choices[0]
        sample = PreferencesBody(choices=[ChoiceBody(kind=first.kind, email=first.email, toast=first.toast)])
        return cls(
            groups=groups,
            version=view.version,
            mail_works=view.mail_works,
            vital_off=any(row.vital and not row.email for row in rows),
            call=call("PUT", "/api/v1/notifications/preferences", sample),
        )


def _row(choice: Choice) -> PreferenceRow:
    kind = BY_NAME[choice.kind]
    return PreferenceRow(kind=kind.name, label=kind.label, email=choice.email, toast=choice.toast, vital=kind.vital)


class ChoiceBody(msgspec.Struct, kw_only=True):
    """How to notify of one kind of event, besides the inbox."""

    kind: str
    email: bool
    toast: bool


class PreferencesBody(msgspec.Struct, kw_only=True):
    """Kinds that are left out get their defaults. `acknowledged` is required to turn off the mails about credit running
    out."""

    choices: list[ChoiceBody]
    acknowledged: bool = False

    def command(self, seen: int | None) -> SetPreferences:
        chosen = tuple(Choice(kind=row.kind, email=row.email, toast=row.toast) for row in self.choices)
        return SetPreferences(choices=chosen, acknowledged=self.acknowledged, seen=seen)


class PreferencesAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """`mail_works` is false when no mail server is configured; then no mail is sent."""

    choices: tuple[Choice, ...]
    mail_works: bool

    @classmethod
    def of(cls, view: PreferencesView) -> "PreferencesAnswer":
        return cls(choices=view.choices, mail_works=view.mail_works)


def preferences_of_form(form: Mapping[str, str]) -> SetPreferences:
    """The choices of the form. An unticked box is not sent, so every kind is looked up."""
    return SetPreferences(
        choices=tuple(
            Choice(kind=kind.name, email=f"email:{kind.name}" in form, toast=f"toast:{kind.name}" in form)
            for kind in KINDS
        ),
        acknowledged="acknowledged" in form,
        seen=whole_number(form.get("version", "")),
    )
