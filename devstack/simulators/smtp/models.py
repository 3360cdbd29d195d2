"""What the simulated mail server keeps: one mail as it came over the wire, and how its parts are read."""

import email
from email.message import EmailMessage
from email.policy import default

import msgspec


class Mail(msgspec.Struct, frozen=True, kw_only=True):
    """One accepted mail. `raw` is what stood between DATA and the final dot, with dots unstuffed."""

    id: str
    sender: str
    recipients: tuple[str, ...]
    raw: bytes
    received_at: float

    def message(self) -> EmailMessage:
        """The parsed message; a broken one still parses, with less in it."""
        return email.message_from_bytes(self.raw, policy=default)

    def header(self, name: str) -> str:
        return str(self.message().get(name, ""))

    def part(self, kind: str) -> str | None:
        """The text of the `plain` or `html` body; None when the mail has none."""
        body = self.message().get_body((kind,))
        return None if body is None else str(body.get_content()).replace("\r\n", "\n")


def summary(mail: Mail) -> dict[str, object]:
    """One mail for programs."""
    return {
        "id": mail.id,
        "from": mail.sender,
        "to": list(mail.recipients),
        "subject": mail.header("subject"),
        "message_id": mail.header("message-id"),
        "text": mail.part("plain"),
        "html": mail.part("html"),
        "received_at": mail.received_at,
    }
