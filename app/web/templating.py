"""The Jinja environment: strict, escaping, with the formats and components every template may use.

Owns how templates are found, what they can call and how one block becomes a fragment. Refuses undefined names
(StrictUndefined), markup that was not written in a template, and any query: a template gets values.

Every render gets, beside its own page struct (by convention `page`):

| name           | type             | meaning                                                                    |
| -------------- | ---------------- | -------------------------------------------------------------------------- |
| `shell`        | `shell.Shell`    | viewer, navigation, money pill, theme, CSRF token; always there             |
| `request_path` | `str`            | path of the page, no query (sign-in returns to it)                         |
| `now`          | `datetime`       | the instant the page is rendered at, UTC                                   |
| `instance`     | `str`            | short name of this installation (in cookie names)                          |

`LayoutContext` is that set as a struct: `**layout_context(...)` gives the keywords.

Environment globals: `ui` (every macro of components/: `ui.button(...)`, so that a block rendered alone needs no
import), `asset(path)` (URL of a static file), `STATES` (state -> shape, tone, word), `api_call` (a request to show as
code). Filters: money, money_exact, rate, duration, runway, size, iso, instant, moment, relative, short_id; as_curl,
as_python, as_cli of an `ApiCall`.
"""

from collections.abc import Callable
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import Final, cast
from uuid import UUID

import msgspec
from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape
from jinja2.runtime import Macro
from markupsafe import Markup

from app.shared import formats
from app.web import assets, show_code
from app.web.shell import Shell

TEMPLATES: Final = Path(__file__).resolve().parents[1] / "templates"


class State(msgspec.Struct, frozen=True):
    """How a state looks: `shape` is drawn by components/shape.html, `tone` picks the colours, `word` is the default
    label."""

    shape: str
    tone: str
    word: str


STATES: Final[dict[str, State]] = {
    "ready": State("diamond", "good", "ready"),
    "active": State("circle", "good", "active"),
    "in_progress": State("arc", "busy", "in progress"),
    "waiting": State("dotted", "wait", "waiting"),
    "attention": State("triangle", "warn", "attention"),
    "failed": State("square", "bad", "failed"),
    "ended": State("dash", "done", "ended"),
}


class LayoutContext(msgspec.Struct, frozen=True, kw_only=True):
    """What the kernel gives to every template (see the module's table)."""

    shell: Shell
    request_path: str
    now: datetime
    instance: str


def layout_context(context: LayoutContext) -> dict[str, object]:
    """The struct as keywords of a render; values are not copied."""
    return {name: getattr(context, name) for name in context.__struct_fields__}


PURE: Final = frozenset({"berth_strip", "fleet_strip", "shape", "state", "icon", "logo", "rate", "button", "id"})


class Components:
    """`ui.<name>` is the macro `<name>` of components/<name>.html, loaded on first use and kept as an attribute.

    The drawings of PURE depend on nothing but their arguments and recur in every row, so each is drawn once and
    remembered.
    """

    def __init__(self, environment: Environment) -> None:
        self._environment = environment

    def __getattr__(self, name: str) -> Callable[..., Markup]:
        if name.startswith("_"):
            raise AttributeError(name)
        macro = getattr(self._environment.get_template(f"components/{name}.html").module, name)
        assert isinstance(macro, Macro)  # noqa: S101 - a component file without its macro is a mistake of ours
        component = _remembered(macro) if name in PURE else cast("Callable[..., Markup]", macro)
        setattr(self, name, component)
        return component


def _remembered(macro: Macro) -> Callable[..., Markup]:
    """The macro with its last answers. Attributes (a dict) count by what they hold, a text
    apart from the same markup; arguments that cannot be compared
    are drawn afresh."""

    @lru_cache(maxsize=4096, typed=True)
    def draw(attrs: tuple[tuple[str, type, object], ...] | None, *args: object, **kwargs: object) -> Markup:
        with_attrs = {} if attrs is None else {"attrs": {name: value for name, _, value in attrs}}
        return cast(Markup, macro(*args, **kwargs, **with_attrs))

    def component(*args: object, attrs: dict[str, object] | None = None, **kwargs: object) -> Markup:
        try:
            known = None if attrs is None else tuple((name, type(value), value) for name, value in attrs.items())
            return draw(known, *args, **kwargs)
        except TypeError:
            with_attrs = {} if attrs is None else {"attrs": attrs}
            return cast(Markup, macro(*args, **kwargs, **with_attrs))

    component.__name__ = macro.name
    return component


def short_id(value: UUID | str) -> str:
    """The last eight characters, as people see ids (the head of a UUIDv7 is only the time)."""
    text = value.hex if isinstance(value, UUID) else value
    return text[-8:]


def create_environment(template_dir: Path = TEMPLATES, static_dir: Path = assets.STATIC) -> Environment:
    """The one environment of a process. Everything is escaped, whatever the file's ending, but plain-text mails
    (`.txt`)."""
    environment = Environment(
        loader=FileSystemLoader(template_dir),
        undefined=StrictUndefined,
        autoescape=select_autoescape(disabled_extensions=("txt",), default=True, default_for_string=True),
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
        cache_size=-1,
    )
    environment.filters.update(
        money=formats.money,
        money_exact=formats.money_exact,
        rate=formats.rate,
        duration=formats.duration,
        runway=formats.runway,
        size=formats.size,
        iso=formats.iso,
        instant=formats.instant,
        moment=formats.moment,
        relative=formats.relative,
        short_id=short_id,
        as_curl=show_code.as_curl,
        as_python=show_code.as_python,
        as_cli=show_code.as_cli,
    )
    environment.globals.update(
        ui=Components(environment),
        asset=assets.assets_in(static_dir).url,
        STATES=STATES,
        percent=formats.per_unit,
        api_call=show_code.api_call,
    )
    return environment


def render_block(environment: Environment, template: str, block: str, **context: object) -> str:
    """One block of a page as a fragment. Raises KeyError for a block the template itself does not have (inherited ones
    count)."""
    source = environment.get_template(template)
    rendered = source.new_context(context)
    names = source.blocks.get(block)
    if names is None:
        raise KeyError(f"{template} has no block {block!r}")
    return environment.concat(names(rendered))
