"""The main job, in a real browser: from nothing to a shell on a machine, and every cent accounted for.

One newcomer, one context, one story: the steps depend on each other as they do for a person. Every button that costs
money is double-clicked, and the page is reloaded in the middle of whatever takes a while.
"""

from decimal import ROUND_HALF_EVEN, Decimal
from uuid import uuid4

from playwright.sync_api import expect

from e2e.cable import Cable
from e2e.conftest import Enter, Visitor
from e2e.pages.billing import AddCredit, Billing, PaymentReturn
from e2e.pages.catalog import Catalog
from e2e.pages.checkout import ACCEPTED, DECLINED, Checkout
from e2e.pages.launch import Launch
from e2e.pages.machine import Machine, Machines, Receipt
from e2e.pages.overview import Overview
from e2e.pages.sign_in import SignIn
from e2e.pages.terminal import Terminal
from e2e.stack import Stack
from e2e.steps import Steps

PERSON = "Nora Vale"
EMAIL = f"nora.{uuid4().hex[:10]}@vale.example"  # nobody has seen her before
TYPE, OTHER_TYPE = "H100 SXM ×8", "L40S ×4"
NAME = "first-light"
PAINTER = (
    "import sys;i=299999;[sys.stdout.write('\\x1b[%d;%dH%d' % (i % 17 + 2, i * 7 % 60 + 1, i)) for i in range(300000)];"
    "sys.stdout.write('\\x1b[20;1Hend:%d' % i);sys.stdout.flush();input()"
)
MICRO = Decimal("0.000001")


def test_the_first_ten_minutes(enter: Enter, stack: Stack, cable: Cable, steps: Steps) -> None:
    visitor = enter()
    with steps.step("S1 sign in"):
        _sign_in(visitor)
    with steps.step("S2 add credit: declined, then paid"):
        _add_credit(visitor)
    with steps.step("S3 choose and launch"):
        free = _launch(visitor)
    with steps.step("S4 watch it deploy"):
        _watch(visitor)
    with steps.step("S5 a shell, a reload, a cut"):
        _use_the_shell(visitor, cable)
    with steps.step("S6 give back"):
        _give_back(visitor)
    with steps.step("S7 receipt and ledger"):
        _account_for_it(visitor, free)
    with steps.step("the ledger verifies itself"):
        verified = stack.berth("ledger", "verify")
        assert verified.returncode == 0, verified.stdout + verified.stderr


def _sign_in(visitor: Visitor) -> None:
    sign_in = SignIn(visitor.page).open("/")
    visitor.pictures.take("sign-in")
    sign_in.to_provider(visitor.stack.issuer)
    sign_in.as_newcomer(PERSON, EMAIL, visitor.stack.url)
    overview = Overview(visitor.page)
    overview.expect_first_steps()
    overview.expect_credit("$0.00")
    visitor.pictures.take("first-steps")


def _add_credit(visitor: Visitor) -> None:
    page, checkout = visitor.page, Checkout(visitor.page)
    Overview(page).add_credit()
    credit = AddCredit(page)
    credit.choose("$50.00")
    visitor.pictures.take("add-credit")
    credit.pay_twice(visitor.stack.checkout)
    checkout.fill(DECLINED, PERSON)
    checkout.button.click()
    expect(checkout.problem).to_contain_text("declined")
    checkout.fill(ACCEPTED, PERSON)
    checkout.button.dblclick()
    back = PaymentReturn(page)
    back.expect_here()
    page.reload()
    back.expect_here()
    back.expect_arrived("$50.00")
    back.expect_credit("$50.00")
    billing = Billing(page).open()
    expect(billing.lines("Credit added by card")).to_have_count(1)  # paid once
    expect(billing.ledger.get_by_role("rowheader")).to_have_count(1)


def _launch(visitor: Visitor) -> int:
    """Returns how many machines of the type were free before."""
    page = visitor.page
    catalog = Catalog(page).open()
    free = catalog.free_machines(TYPE)
    assert free > 0
    visitor.pictures.take("catalog")
    catalog.launch(OTHER_TYPE)
    launch = Launch(page)
    launch.choose_type(TYPE)
    launch.type_name(NAME)
    expect(launch.summary).to_contain_text("$18.40/h")
    page.reload()
    expect(launch.title).to_have_text("Launch machine")
    expect(launch.summary).to_contain_text("$18.40/h")  # the choice is in the address
    expect(launch.name).to_have_value(NAME)
    launch.choose_image("Ubuntu 24.04 + CUDA")
    expect(launch.summary).to_contain_text("$18.40/h")
    expect(launch.summary).to_contain_text("empties")  # when the money would be gone
    visitor.pictures.take("launch")
    launch.launch_twice()
    Machine(page).expect_here(NAME)
    return free


def _watch(visitor: Visitor) -> None:
    page = visitor.page
    machine = Machine(page)
    machine.expect_step_done("Choose a machine")
    visitor.pictures.take("deploying")
    page.reload()
    machine.expect_here(NAME)
    machine.expect_running()
    for label in ("Install", "Create your account", "Check that it works"):
        machine.expect_step_done(label)
    visitor.pictures.take("machine")
    machine.go("Overview")
    expect(page.get_by_role("table", name="Machines")).to_be_visible()
    visitor.pictures.take("overview")
    machines = Machines(page).open()
    expect(machines.rows).to_have_count(1)  # the double click launched one machine
    visitor.pictures.take("machines")
    machines.rows.get_by_role("link", name=NAME).click()
    machine.expect_here(NAME)


def _use_the_shell(visitor: Visitor, cable: Cable) -> None:
    page = visitor.page
    machine = Machine(page)
    login = machine.login()
    machine.open_terminal()
    terminal = Terminal(page)
    terminal.read_aloud()
    terminal.expect_prompt()
    terminal.type("nvidia-smi")
    terminal.expect_text("NVIDIA H100")
    terminal.type("whoami")
    terminal.expect_line(login)
    visitor.pictures.take("terminal")
    terminal.type("BUOY=orange-$((40 + 2))")
    page.reload()
    terminal.type("echo one:$BUOY")
    terminal.expect_line("one:orange-42")  # the same shell
    _reload_a_full_screen(visitor, terminal)
    _paste_what_is_hostile(visitor, terminal)
    with visitor.watch.losing_the_network():
        with cable.cut():
            terminal.expect_lost()
            visitor.pictures.take("terminal-cut")
        terminal.expect_back()
    terminal.type("echo two:$BUOY")
    terminal.expect_line("two:orange-42")
    terminal.back()
    Machine(page).expect_here(NAME)


def _reload_a_full_screen(visitor: Visitor, terminal: Terminal) -> None:
    """More output than is kept, drawn all over the screen without a line feed: a reload shows the same."""
    terminal.type(f'clear; python3 -c "{PAINTER}"')
    terminal.expect_text("end:299999")
    shown = terminal.rows()
    assert len([row for row in shown if row.strip()]) > 10
    visitor.page.reload()
    terminal.expect_text("end:299999")
    assert terminal.rows()[: len(shown)] == shown
    terminal.keys.press("Enter")
    terminal.type("clear")
    terminal.expect_prompt()


def _paste_what_is_hostile(visitor: Visitor, terminal: Terminal) -> None:
    """An escape sequence in the clipboard ends no bracketed paste; where there is none, several lines are asked for."""
    dialog = visitor.page.get_by_role("dialog", name="Paste these lines?")
    terminal.paste("echo safe\x1b[201~\x9b201~\necho ran-$((40 + 2))\n")
    terminal.expect_text("echo safe[201~201~")
    terminal.keys.press("Control+c")
    terminal.type("echo go-$((1 + 1)); cat")
    terminal.expect_line("go-2")  # the shell's own bracketed paste is off now
    terminal.paste("never\ncat-$((1 + 1))\n")
    expect(dialog).to_contain_text("never")
    dialog.get_by_role("button", name="Cancel").click()
    terminal.paste("pasted\x03\nlines\n")
    dialog.get_by_role("button", name="Paste").click()
    terminal.expect_line("lines")
    terminal.keys.press("Control+d")
    terminal.type("echo after")
    terminal.expect_line("after")
    text = "\n".join(terminal.rows())
    assert "ran-42" not in text and "never" not in text


def _give_back(visitor: Visitor) -> None:
    page = visitor.page
    machine = Machine(page)
    machine.expect_running()
    before = machine.cost.inner_text()
    expect(machine.cost).not_to_have_text(before)  # it ticks
    machine.ask_to_give_back(NAME)
    page.reload()
    expect(machine.dialog).to_be_hidden()
    machine.expect_running()
    machine.ask_to_give_back(NAME)
    visitor.pictures.take("give-back")
    machine.confirm_twice(NAME)
    machine.expect_given_back()


def _account_for_it(visitor: Visitor, free: int) -> None:
    page = visitor.page
    Machine(page).open_receipt()
    receipt = Receipt(page)
    lines, total = receipt.read(), receipt.total
    visitor.pictures.take("receipt")
    assert lines
    for seconds, price, amount in lines:
        assert abs(amount - (seconds * price / 3600).quantize(MICRO, ROUND_HALF_EVEN)) <= MICRO
    assert sum(amount for _, _, amount in lines) == total
    billing = Billing(page).open()
    charged = sum(billing.exact_amount(line) for line in billing.lines(f"Use of {NAME}").all())
    visitor.pictures.take("billing")
    assert charged == total
    billing.lines(f"Use of {NAME}").get_by_role("link").click()
    expect(billing.title).to_contain_text(NAME)
    visitor.pictures.take("explained-charge")
    catalog = Catalog(page).open()
    catalog.expect_free_machines(TYPE, free)
