"""From the sign-in page through the identity provider and back."""

from playwright.sync_api import Page, expect

from e2e.pages.frame import Frame


class SignIn(Frame):
    """The portal's sign-in page, then the simulated provider's."""

    def open(self, target: str = "/login") -> "SignIn":
        """Opens a page as nobody: the sign-in page is what one gets."""
        self.page.goto(target)
        expect(self.title).to_have_text("Sign in to Berth")
        return self

    def to_provider(self, issuer: str) -> None:
        self.page.get_by_role("link", name="Continue with").click()
        self.page.wait_for_url(f"{issuer}/**")

    def as_known(self, name: str, portal: str) -> None:
        """One of the people whom the provider lists."""
        self.page.get_by_role("button", name=name).click()
        self.page.wait_for_url(f"{portal}/**")

    def as_newcomer(self, name: str, email: str, portal: str) -> None:
        """Somebody who has never been here."""
        self.page.get_by_label("Name", exact=True).fill(name)
        self.page.get_by_label("E-mail", exact=True).fill(email)
        self.page.get_by_role("button", name="Sign in as this person").click()
        self.page.wait_for_url(f"{portal}/**")


def sign_in_as(page: Page, issuer: str, portal: str, name: str) -> None:
    """The whole way, for tests that are about something else."""
    sign_in = SignIn(page).open()
    sign_in.to_provider(issuer)
    sign_in.as_known(name, portal)
