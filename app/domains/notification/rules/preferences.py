"""How a person is notified of a kind of event, besides the inbox: their choice, or the kind's default."""

from collections.abc import Iterable, Mapping

from app.domains.notification.rules.messages import BY_NAME, KINDS, Kind
from app.domains.notification.rules.values import Choice

Choices = Mapping[str, Mapping[str, bool]]


def choice(kind: Kind, choices: Choices) -> Choice:
    """The choice in effect for one kind."""
    own = choices.get(kind.name, {})
    return Choice(kind=kind.name, email=bool(own.get("email", kind.email)), toast=bool(own.get("toast", kind.toast)))


def all_choices(choices: Choices) -> tuple[Choice, ...]:
    """The choices in effect for every kind, in the order of the table."""
    return tuple(choice(kind, choices) for kind in KINDS)


def differences(wanted: Iterable[Choice]) -> dict[str, dict[str, bool]]:
    """The choices to store: only those that differ from the default, so that changed defaults apply. Raises KeyError
    for an unknown kind."""
    kept: dict[str, dict[str, bool]] = {}
    for one in wanted:
        kind = BY_NAME[one.kind]
        own = {} if one.email == kind.email else {"email": one.email}
        own |= {} if one.toast == kind.toast else {"toast": one.toast}
        if own:
            kept[kind.name] = own
    return kept


def vital_off(wanted: Iterable[Choice]) -> list[Kind]:
    """The vital kinds whose mail these choices turn off."""
    return [BY_NAME[one.kind] for one in wanted if BY_NAME[one.kind].vital and not one.email]
