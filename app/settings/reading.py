"""From the environment to values: all faults at once, each with the name of its setting and never with its value."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, TypeVar

from app.settings import table, together
from app.settings.structs import Allowed
from app.settings.table import OVERRIDES, SETTINGS, Setting
from app.settings.together import Fault

T = TypeVar("T")
PREFIX = "BERTH_"
OF_COMMANDS = frozenset(  # of a person's own commands and of a checkout, not of the product
    PREFIX + name
    for name in "CALLER_DIR CHROMIUM CLIENT_SECRET COMMAND DEBUG HOME PYTHON RUNTIME_ONLY TOKEN URL".split()
)
SHARED: tuple[Setting[Any], ...] = (table.ENV, table.ALLOW)


class SettingsError(Exception):
    """Settings are missing or unusable. The text names each and says what it must be; it holds no value."""

    def __init__(self, faults: Iterable[Fault]) -> None:
        self.faults = tuple(faults)
        super().__init__("\n".join(("These settings cannot be used:", *map(_line, self.faults))))


def _line(fault: Fault) -> str:
    allow = f"; or allow it: {table.ALLOW.name} with {fault.override}" if fault.override else ""
    return f"  {fault.setting} {fault.text}{allow}"


class Values:
    """The values of some settings, by setting."""

    def __init__(self, found: Mapping[str, Any], allowed: tuple[Allowed, ...]) -> None:
        self._found = found
        self.allowed = allowed

    def __getitem__(self, setting: Setting[T]) -> T:
        found: T = self._found[setting.name]
        return found

    def find(self, setting: Setting[T]) -> T | None:
        """The value, None where it was not set."""
        return self._found.get(setting.name)


def read_values(environ: Mapping[str, str], settings: Iterable[Setting[Any]] = SETTINGS.values()) -> Values:
    """The values of these settings, checked. Raises SettingsError naming all that is wrong. In production what an
    override lets pass is kept in `allowed`."""
    wanted: dict[str, Setting[Any]] = {setting.name: setting for setting in [*SHARED, *settings]}
    found: dict[str, Any] = {}
    faults = [*_read(environ, wanted, found)]
    unread = {fault.setting for fault in faults}
    faults += [fault for rule in together.ALWAYS for fault in rule(found) if fault.setting not in unread]
    overrides: tuple[str, ...] = found.get(table.ALLOW.name, ())
    faults += [Fault(table.ALLOW.name, f"names no exception: {_known()}") for one in overrides if one not in OVERRIDES]
    allowed: tuple[Allowed, ...] = ()
    if found.get(table.ENV.name) != "development":
        judged = list(_judge(found))
        faults += [fault for fault in judged if not {fault.setting, fault.override} & {*unread, *overrides}]
        allowed = tuple(_allowed(overrides, judged))
    if faults:
        raise SettingsError(dict.fromkeys(faults))
    return Values(found, allowed)


def _known() -> str:
    return "they are " + ", ".join(OVERRIDES)


def _read(environ: Mapping[str, str], wanted: Mapping[str, Setting[Any]], found: dict[str, Any]) -> Iterator[Fault]:
    for setting in wanted.values():
        text = environ.get(setting.name) or (environ.get(setting.like.name) if setting.like else None)
        text = text or setting.default
        if text is None:
            if setting.needed:
                yield Fault(setting.name, f"is not set; it must be {setting.kind.says}")
            continue
        if text != text.strip() or not text.isprintable():
            yield Fault(setting.name, "must not have spaces around it or characters that cannot be seen")
            continue
        try:
            found[setting.name] = setting.kind.read(text)
        except ValueError as error:
            yield Fault(setting.name, f"must be {error}")


def _judge(found: Mapping[str, Any]) -> Iterator[Fault]:
    """What production refuses."""
    for name, value in found.items():
        for wrong in SETTINGS[name].kind.find_faults(value):
            yield Fault(name, f"must be {wrong.text} in production", wrong.override)
    for rule in together.PRODUCTION:
        yield from rule(found)


def _allowed(overrides: Iterable[str], judged: list[Fault]) -> Iterator[Allowed]:
    for override in overrides:
        if override in OVERRIDES:
            users = dict.fromkeys(fault.setting for fault in judged if fault.override == override)
            yield Allowed(name=override, meaning=OVERRIDES[override], settings=tuple(users))


def unknown_names(environ: Mapping[str, str]) -> tuple[str, ...]:
    """Variables that look like ours and that nobody reads: a slip of the pen leaves a setting at its default."""
    return tuple(sorted(name for name in environ if name.startswith(PREFIX) and name not in {*SETTINGS, *OF_COMMANDS}))
