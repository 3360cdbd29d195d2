"""Apps in a real browser: launched on a machine, opened on an origin of their own, stopped, gone with a release."""

import re
from uuid import uuid4

import pytest
from playwright.sync_api import Page, expect

from e2e import stories
from e2e.conftest import Enter, Visitor
from e2e.pages.apps import App, Apps
from e2e.pages.machine import Machine, Machines
from e2e.pages.sign_in import SignIn
from e2e.pictures import Pictures
from e2e.stack import Stack
from e2e.steps import Steps

MACHINE = "app-host"
TYPE = "EPYC 96 cores"
RESULT = re.compile(r"\(2, 'i\w+', 'app-host'\)")  # as the person's own login, on their machine
ORIGIN = re.compile(r"^http://[0-9a-f]{12}\.localhost:\d+/")


def _person_with_a_machine(enter: Enter, stack: Stack) -> Visitor:
    visitor = enter()
    sign_in = SignIn(visitor.page).open("/")
    sign_in.to_provider(stack.issuer)
    sign_in.as_newcomer("Iris Holt", f"iris.{uuid4().hex[:10]}@holt.example", stack.url)
    stories.pay(visitor.page, stack, "$50.00")
    stories.launch(visitor.page, TYPE, MACHINE)
    return visitor


def test_an_app_is_launched_opened_and_released(enter: Enter, stack: Stack, steps: Steps) -> None:
    with steps.step("a machine"):
        visitor = _person_with_a_machine(enter, stack)
    page = visitor.page
    with steps.step("launch echo"):
        Apps(page).open()
        visitor.pictures.take("apps-empty")
        form = Apps(page).launch("Echo")
        visitor.pictures.take("app-launch")
        app = form.launch_twice()
        app.expect_state("running")
        expect(app.log).to_contain_text("echo listens")
        visitor.pictures.take("app")
    with steps.step("open it"):
        tab = app.open_in_new_tab()
        _expect_echo(tab)
        tab.close()
    with steps.step("stop and start"):
        app.act("Stop")
        app.expect_state("stopped")
        app.act("Start")
        app.expect_state("running")
        again = app.open_in_new_tab()
        _expect_echo(again)
        again.close()
    with steps.step("on the machine's page"):
        page.get_by_role("link", name=MACHINE).click()
        page.get_by_role("navigation", name="Machine").get_by_role("link", name="Apps").click()
        expect(page.get_by_role("table", name="Apps")).to_contain_text("Echo")
        visitor.pictures.take("machine-apps")
        page.get_by_role("table", name="Apps").get_by_role("link", name="echo", exact=True).click()
    with steps.step("release"):
        App(page).release()
    Apps(page).open()
    visitor.pictures.take("apps")
    _give_back(page)


def _give_back(page: Page) -> None:
    """The machine is for the next test; nobody waits until it is erased."""
    Machines(page).open().rows.get_by_role("link", name=MACHINE).first.click()
    machine = Machine(page)
    machine.ask_to_give_back(MACHINE)
    machine.confirm_twice(MACHINE)


def _expect_echo(tab: Page) -> None:
    expect(tab.get_by_role("heading", name="Echo")).to_be_visible()
    assert ORIGIN.match(tab.url) and "code" not in tab.url
    expect(tab.locator("#socket")).to_have_text("the machine said: hello")
    expect(tab.locator("#stream")).to_contain_text("tick")
    assert tab.evaluate("document.cookie") == ""  # what lets the browser in is not for scripts
    tab.evaluate("document.cookie = 'wide=1; path=/; domain=localhost'")
    assert tab.evaluate("document.cookie") == ""  # an app is a site of its own: it gives no cookie to another


@pytest.mark.slow
def test_a_notebook_cell_runs_on_the_machine(enter: Enter, stack: Stack, steps: Steps) -> None:
    """JupyterLab is installed on first launch, every package by its hash; a kernel answers over its WebSocket."""
    with steps.step("a machine"):
        visitor = _person_with_a_machine(enter, stack)
    page = visitor.page
    with steps.step("install and start JupyterLab"):
        app = Apps(page).open().launch("JupyterLab").launch_twice()
        app.expect_step_done("Make an environment for JupyterLab")
        visitor.pictures.take("app-installing")
        app.expect_state("running")
        visitor.pictures.take("app-jupyter")
    with steps.step("open it"):
        tab = app.open_in_new_tab()
        notebook = tab.locator(".jp-LauncherCard[data-category=Notebook]").first
        expect(notebook).to_be_visible(timeout=60_000)
    with steps.step("run a cell"):
        notebook.click()
        expect(tab.get_by_text("Python 3 (ipykernel) | Idle")).to_be_visible(timeout=60_000)
        cell = tab.locator(".jp-Notebook .jp-Cell .cm-content").first
        cell.click()
        tab.keyboard.type("import os; (1 + 1, os.environ['USER'], os.uname().nodename)")
        tab.keyboard.press("Shift+Enter")
        expect(tab.locator(".jp-OutputArea-output").first).to_have_text(RESULT, timeout=60_000)
        Pictures(tab, steps).take("jupyterlab")
    tab.close()
    with steps.step("a second launch finds it installed"):
        second = Apps(page).open().launch("JupyterLab").launch_twice()
        second.expect_state("running")
        expect(second.main.get_by_text("was there already").first).to_be_visible()
    _give_back(page)
    with steps.step("the app ends with its machine"):
        Apps(page).open().rows.get_by_role("link", name="jupyterlab", exact=True).click()
        App(page).expect_state("released")
        expect(App(page).main.get_by_text("Its machine was released.")).to_be_visible()
