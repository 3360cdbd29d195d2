"""Olga's evening: she looks over the fleet, drains a node, takes a customer's machine back, and plans a price."""

from uuid import uuid4

from playwright.sync_api import expect

from e2e import stories
from e2e.conftest import Enter
from e2e.pages.sign_in import sign_in_as
from e2e.stack import Stack


def test_an_operator_drains_takes_back_and_plans_a_price(enter: Enter, stack: Stack) -> None:
    ada, olga = enter().page, enter().page
    sign_in_as(ada, stack.issuer, stack.url, "Ada Marsh")
    sign_in_as(olga, stack.issuer, stack.url, "Olga Lind")
    name = f"fleet-{uuid4().hex[:6]}"
    stories.pay(ada, stack, "$25.00")
    machine = stories.launch(ada, "EPYC 96 cores", name)

    olga.goto(f"/admin?q={name}")
    expect(olga.get_by_role("heading", level=1)).to_have_text("Fleet")
    berths = olga.get_by_role("main").locator(".fleet").get_by_role("link")
    expect(berths).to_have_count(1)
    berths.click()

    olga.get_by_role("button", name="Drain…").click()
    dialog = olga.get_by_role("dialog", name="Drain")
    dialog.get_by_label("Reason").fill("disk 3 is failing")
    dialog.get_by_role("button", name="Drain", exact=True).click()
    expect(olga.get_by_text("This node is being drained")).to_be_visible()
    expect(olga.get_by_role("region", name="Who is on it")).to_contain_text(name)

    olga.get_by_role("region", name="Who is on it").get_by_role("link", name=name).click()
    olga.get_by_role("button", name="Release…").click()
    dialog = olga.get_by_role("dialog", name="Release")
    dialog.get_by_label("Reason").fill("the host is failing")
    take = dialog.get_by_role("button", name="Release", exact=True)
    expect(take).to_be_disabled()
    dialog.get_by_label(f"Type {name} to confirm").fill(name)
    take.click()
    expect(olga.get_by_text("Released by an operator")).to_be_visible()

    ada.goto(machine)
    expect(ada.get_by_text("An operator of Berth released this machine.")).to_be_visible()
    expect(ada.get_by_text("the host is failing")).to_be_visible()

    olga.goto("/admin/catalog")
    olga.get_by_role("link", name="EPYC 96 cores").click()
    olga.get_by_role("button", name="Plan a price…").click()
    dialog = olga.get_by_role("dialog", name="Plan a price")
    dialog.get_by_label("Machine").fill("1.35")
    dialog.get_by_role("button", name="Announce").click()
    prices = olga.get_by_role("region", name="Prices")
    expect(prices).to_contain_text("announced")
    prices.get_by_role("button", name="Withdraw…").first.click()
    dialog = olga.get_by_role("dialog", name="Withdraw an announced price")
    dialog.get_by_label("Reason").fill("only a test of the button")
    dialog.get_by_role("button", name="Withdraw", exact=True).click()
    expect(prices).to_contain_text("withdrawn")
