"""A team comes together: Ada invites Ben by mail, Ben accepts, roles change, the last owner stays."""

from playwright.sync_api import Page, expect

from e2e.conftest import Enter
from e2e.pages.frame import Frame
from e2e.pages.sign_in import SignIn, sign_in_as
from e2e.stack import Stack


def read_mail(page: Page, stack: Stack, address: str) -> str:
    """The newest mail to that address, once it has come."""
    inbox = f"{stack.status['smtp']['inbox']}/api/mails?to={address}"
    for _ in range(200):
        if mails := page.request.get(inbox).json():
            return str(mails[0]["text"])
        page.wait_for_timeout(50)
    raise AssertionError(f"no mail to {address} came")


def test_ada_invites_ben_who_accepts_and_the_last_owner_stays(enter: Enter, stack: Stack) -> None:
    ada, ben = enter(), enter()
    sign_in_as(ada.page, stack.issuer, stack.url, "Ada Marsh")
    frame = Frame(ada.page)
    frame.go("Team")
    ada.page.get_by_role("link", name="Invite someone").first.click()
    form = ada.page.locator("#invite")
    form.get_by_label("E-mail").fill("Ben@acme.example")
    form.get_by_label("Role", exact=True).select_option(label="Member")
    form.get_by_role("button", name="Send invitation").click()
    sent = ada.page.get_by_role("table", name="Invitations").get_by_role("row").filter(has_text="Ben@acme.example")
    expect(sent.first).to_contain_text("Pending")

    told = read_mail(ben.page, stack, "Ben@acme.example")
    link = next(line for line in told.splitlines() if line.startswith(stack.url))
    assert link == f"{stack.url}/invitations"  # nothing in it that another could use
    ben.page.goto(link)
    SignIn(ben.page).to_provider(stack.issuer)
    SignIn(ben.page).as_known("Ben Okafor", stack.url)
    ben.page.get_by_role("button", name="Accept").first.click()
    place = ben.page.get_by_role("banner").locator("details.place > summary")
    expect(place).to_contain_text("Ada's organisation")

    expect(sent.first).to_contain_text("Accepted")  # nobody reloaded Ada's page
    frame.go("Team")
    ada.page.get_by_role("link", name="Ben Okafor").click()
    ada.page.get_by_label("Role in the organisation").select_option(label="Billing")
    ada.page.get_by_role("button", name="Change role").click()
    expect(ada.page.get_by_role("main")).to_contain_text("Billing")
    ben.page.goto("/team")
    row = ben.page.get_by_role("table", name="Members").get_by_role("row").filter(has_text="Ben Okafor")
    expect(row).to_contain_text("Billing")
    ben.page.goto("/settings/sessions")
    expect(ben.page.get_by_role("main")).to_contain_text("Ada's organisation")

    ada.page.goto("/team")
    ada.page.get_by_role("link", name="Ada Marsh").click()
    expect(ada.page.get_by_role("main")).to_contain_text("You are the only owner")
    expect(ada.page.get_by_role("button", name="Leave")).to_have_count(0)

    ada.page.goto("/team")
    ada.page.get_by_role("link", name="Ben Okafor").click()
    ada.page.get_by_role("button", name="Remove Ben Okafor").click()
    dialog = ada.page.get_by_role("dialog")
    dialog.get_by_label("to confirm").fill("ben@acme.example")
    dialog.get_by_role("button", name="Remove").click()
    expect(ada.page.get_by_role("table", name="Members")).not_to_contain_text("Ben Okafor")
    ben.page.goto("/")
    expect(Frame(ben.page).title).to_have_text("Welcome to Berth")
