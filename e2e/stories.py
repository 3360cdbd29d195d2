"""Short ways to a state that a test needs but is not about. The long way is told in test_first_ten_minutes.py."""

from playwright.sync_api import Page

from e2e.pages.billing import AddCredit, Billing, PaymentReturn
from e2e.pages.catalog import Catalog
from e2e.pages.checkout import ACCEPTED, Checkout
from e2e.pages.launch import Launch
from e2e.pages.machine import Machine, Machines
from e2e.stack import Stack


def pay(page: Page, stack: Stack, amount: str) -> None:
    """Buys credit with a card that works; ends on the page that says so."""
    Billing(page).open().add_credit()
    credit = AddCredit(page)
    credit.choose(amount)
    credit.pay_twice(stack.checkout)
    checkout = Checkout(page)
    checkout.fill(ACCEPTED, "Card Holder")
    checkout.button.click()
    PaymentReturn(page).expect_arrived(amount)


def launch(page: Page, type_title: str, name: str) -> str:
    """Launches a whole machine and waits until it runs. Returns the path of its page."""
    Catalog(page).open().launch(type_title)
    form = Launch(page)
    form.type_name(name)
    form.launch_twice()
    machine = Machine(page)
    machine.expect_here(name)
    machine.expect_running()
    return page.url.removeprefix(page.url.partition("/machines/")[0])


def give_back(page: Page, name: str) -> None:
    """Gives a running machine back; ends on its page."""
    Machines(page).open().rows.get_by_role("link", name=name).first.click()
    machine = Machine(page)
    machine.ask_to_give_back(name)
    machine.confirm_twice(name)
    machine.expect_given_back()
