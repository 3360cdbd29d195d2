"""Where a person is told of a kind of event: their choice, else the kind's default. The inbox has everything."""

from collections.abc import Iterable, Mapping

from app.domains.notification.contracts import Choice
from app.domains.notification.rules.words import BY_NAME, KINDS, Kind

Choices = Mapping[str, Mapping[str, bool]]


def choice(kind: Kind, choices: Choices) -> Choice:
    """What holds for one kind."""
    own = choices.get(kind.name, {})
    return Choice(kind=kind.name, email=bool(own.get("email", kind.email)), toast=bool(own.get("toast", kind.toast)))


def all_choices(choices: Choices) -> tuple[Choice, ...]:
    """What holds for every kind, in the order of the table."""
    return tuple(choice(kind, choices) for kind in KINDS)


def differences(wanted: Iterable[Choice]) -> dict[str, dict[str, bool]]:
    """What is kept: only where a person wants something else than the default, so that better defaults reach them.
    Raises KeyError for a kind that does not exist."""
    kept: dict[str, dict[str, bool]] = {}
    for one in wanted:
        kind = BY_NAME[one.kind]
        own = {} if one.email == kind.email else {"email": one.email}
        own |= {} if one.toast == kind.toast else {"toast": one.toast}
        if own:
            kept[kind.name] = own
    return kept


def vital_off(wanted: Iterable[Choice]) -> list[Kind]:
    """The kinds whose mail keeps people from losing their machines, and that would not be mailed."""
    return [BY_NAME[one.kind] for one in wanted if BY_NAME[one.kind].vital and not one.email]
