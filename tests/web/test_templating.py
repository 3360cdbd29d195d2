"""Every template compiles, every component renders, blocks become fragments, and nothing undefined or unescaped slips
out."""

import re
from datetime import UTC, datetime
from pathlib import Path

import httpx
import msgspec
import pytest
from jinja2 import Environment, UndefinedError
from markupsafe import Markup

from app.registry import DOMAINS
from app.shared.context import Runtime
from app.web.shell import Shell, initials, parse_theme, theme_cookie
from app.web.templating import STATES, TEMPLATES, LayoutContext, layout_context, render_block
from devstack.design import page
from devstack.design.page import TEMPLATE, with_design
from devstack.design.sample import sample, sample_shell
from tests.fixtures.app import ORIGIN, create_app, templates

NOW = datetime(2026, 11, 26, 13, 20, 5, tzinfo=UTC)
COMPONENTS = sorted(path.stem for path in (TEMPLATES / "components").glob("*.html"))


class SampleError(msgspec.Struct, frozen=True, kw_only=True):
    status: int
    title: str = "Gone"
    what: str = "It is <b>gone</b>."
    fix: str = "Look elsewhere."
    correlation_id: str = "abc-1"
    home_href: str = "/"
    home_words: str = "Go to the start"


@pytest.fixture(scope="module")
def environment() -> Environment:
    return with_design(templates())


def context(shell: Shell | None = None) -> dict[str, object]:
    given = shell or sample_shell(NOW)
    return layout_context(LayoutContext(shell=given, request_path="/here", now=NOW, instance="test"))


def test_every_template_of_every_room_compiles(environment: Environment) -> None:
    for name in environment.list_templates(extensions=["html", "txt"]):
        assert environment.get_template(name).name == name


@pytest.mark.parametrize("name", COMPONENTS)
def test_a_component_file_holds_the_macro_of_its_name_and_says_its_parameters(
    environment: Environment, name: str
) -> None:
    macro = getattr(environment.globals["ui"], name)
    assert getattr(macro, "name", None) == name or macro.__name__ == name
    assert (TEMPLATES / "components" / f"{name}.html").read_text("utf-8").startswith("{#")


@pytest.mark.parametrize("theme", ["system", "light", "dark"])
def test_the_design_page_shows_every_component_in_every_theme(environment: Environment, theme: str) -> None:
    shell = sample_shell(NOW, parse_theme(theme), operator=True, attention=True)
    html = environment.get_template(TEMPLATE).render(page=sample(NOW), **context(shell))
    assert f'data-theme="{theme}"' in html
    for state in STATES.values():
        assert state.word in html
    used = (Path(page.__file__).parent / TEMPLATE).read_text("utf-8") + "".join(
        path.read_text("utf-8") for room in ("layouts", "components") for path in (TEMPLATES / room).glob("*.html")
    )
    assert [name for name in COMPONENTS if f"ui.{name}(" not in used] == []


def test_a_page_for_nobody_has_no_account_no_money_and_no_navigation(environment: Environment) -> None:
    source = '{% extends "layouts/portal.html" %}{% block title %}T{% endblock %}{% block main %}x{% endblock %}'
    html = environment.from_string(source).render(**context(Shell(csrf_token="t")))
    assert "<title>T · Berth</title>" in html
    assert "money-pill" not in html
    assert "avatar" not in html
    assert "rail__link" not in html
    assert "data-live-url" not in html


def test_the_operator_console_is_marked(environment: Environment) -> None:
    source = '{% extends "layouts/admin.html" %}{% block title %}Fleet{% endblock %}'
    html = environment.from_string(source).render(**context(sample_shell(NOW, operator=True)))
    assert html.count("OPERATOR") >= 2
    assert "scheme-dark" in html
    assert "Customer portal" in html


@pytest.mark.parametrize("status", [401, 403, 404, 409, 429, 500, 503])
def test_an_error_says_what_happened_what_to_do_and_its_id_without_trusting_the_text(
    environment: Environment, status: int
) -> None:
    for template in ("errors/error.html", "errors/fragment.html"):
        html = environment.get_template(template).render(
            error=SampleError(status=status), **context(Shell(csrf_token="t"))
        )
        assert "&lt;b&gt;gone&lt;/b&gt;" in html
        assert "Look elsewhere." in html
        assert "abc-1" in html
    assert '<hx-partial hx-target="#alerts"' in html


def test_a_form_carries_its_token_and_key_and_gives_back_what_was_typed(environment: Environment) -> None:
    source = """{% call ui.form("/x", shell, "key-1", errors=(("name", "Too long."),)) %}
    {{ ui.field("name", "Name", typed, error="Too long.") }}{% endcall %}"""
    html = environment.from_string(source).render(typed='"><script>', **context(Shell(csrf_token="tok")))
    assert 'name="_csrf_token" value="tok"' in html
    assert 'name="_idempotency_key" value="key-1"' in html
    assert 'value="&#34;&gt;&lt;script&gt;"' in html
    assert 'href="#f-name"' in html
    assert 'aria-invalid="true"' in html
    assert 'aria-describedby="f-name-error"' in html


def test_a_form_that_only_reads_carries_neither(environment: Environment) -> None:
    html = environment.from_string('{% call ui.form("/x", shell, none, method="get") %}{% endcall %}').render(
        **context()
    )
    assert "_csrf_token" not in html
    assert "hx-post" not in html


def test_slips_that_cannot_be_had_cannot_be_chosen(environment: Environment) -> None:
    html = environment.from_string('{{ ui.berth_picker("gpus", 8, 6, (1, 2, 4, 8), 2, "GPUs") }}').render()
    assert html.count('type="radio"') == 4
    assert html.count(" disabled") == 1
    assert 'value="2" id="f-gpus-2" checked' in html
    assert html.count('for="f-gpus-4"') == 2  # the third slip chooses four


def test_a_strip_counts_its_slips_in_words(environment: Environment) -> None:
    html = environment.from_string('{{ ui.berth_strip(("mine", "mine", "free", "failed")) }}').render()
    assert 'aria-label="4 slots: 1 free, 2 yours, 1 failed"' in html


def test_the_runway_line_draws_the_bite_of_a_launch(environment: Environment) -> None:
    source = "{{ ui.runway_line(86400, now, now, after=43200, after_empties_at=now) }}"
    html = environment.from_string(source).render(now=NOW)
    assert 'class="runway__bite" d="M500 7H1000"' in html
    assert "empties" in html
    assert "runway__bite" not in environment.from_string("{{ ui.runway_line(none, none, now) }}").render(now=NOW)


def test_an_undefined_name_is_an_error_and_not_an_empty_place(environment: Environment) -> None:
    with pytest.raises(UndefinedError):
        environment.from_string("{{ page.balance }}").render(page=SampleError(status=404))


def test_one_block_renders_alone_with_the_components_at_hand(environment: Environment) -> None:
    html = render_block(environment, TEMPLATE, "lead", page=sample(NOW), **context())
    assert html.strip() == "<p>Every component in every state. What is not here does not exist yet.</p>"
    assert "Launch machine" in render_block(environment, TEMPLATE, "actions", page=sample(NOW), **context())
    with pytest.raises(KeyError, match="no block"):
        render_block(environment, TEMPLATE, "nothing")


def test_every_icon_in_the_navigation_is_drawn(environment: Environment) -> None:
    drawn = environment.get_template("components/icon.html").module.PATHS  # type: ignore[attr-defined]
    manifests = (TEMPLATES.parent / "domains").glob("*/domain.py")
    named = {name for path in manifests for name in re.findall(r'icon="([^"]*)"', path.read_text("utf-8"))}
    assert named - set(drawn) == set()


def test_a_theme_is_one_of_three_and_its_cookie_names_the_installation() -> None:
    assert parse_theme("dark") == "dark"
    assert parse_theme("<script>") == "system"
    assert parse_theme(None) == "system"
    assert theme_cookie("dev") == "berth_theme_dev"
    assert (initials("Ada Marsh"), initials("Chloé 陈"), initials("olga"), initials("")) == ("AM", "C陈", "O", "")


async def test_a_development_stack_answers_the_design_page_and_the_product_does_not(runtime: Runtime) -> None:
    for domains, status in (((*DOMAINS, page.DESIGN), 200), (DOMAINS, 404)):
        transport = httpx.ASGITransport(create_app(runtime, domains))
        async with httpx.AsyncClient(transport=transport, base_url=ORIGIN) as client:
            assert (await client.get("/_design")).status_code == status


def test_a_remembered_component_tells_a_text_from_the_same_markup() -> None:
    button = templates().globals["ui"].button  # type: ignore[attr-defined]
    text, markup = ({"aria-label": kind("a &amp; b")} for kind in (str, Markup))
    assert "a &amp;amp; b" in button("x", attrs=text) and "a &amp;amp; b" in button("x", attrs=text)
    assert "a &amp; b" in button("x", attrs=markup) and "amp;amp" not in button("x", attrs=markup)
    assert "&lt;b&gt;" in button("<b>") and "<b>" in button(Markup("<b>"))
