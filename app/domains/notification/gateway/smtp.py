"""The client of the mail server. It refuses to run while a transaction is open.

A permanent refusal (5xx for the recipient or the mail) is distinguished from a temporary one (4xx, no answer).
"""

import ssl
from email.header import Header
from email.message import EmailMessage
from email.utils import format_datetime, parseaddr

import aiosmtplib
import msgspec

from app.settings import MailSettings
from app.shared.clock import process_now
from app.shared.context import Runtime
from app.shared.db import refuse_open_transaction

TIMEOUT_SECONDS = 15
LOGIN_TROUBLE = frozenset({530, 534, 535, 538})


class NotSent(Exception):
    """The mail server refused the mail, permanently when `final`. The text is its answer."""

    def __init__(self, detail: str, *, final: bool) -> None:
        super().__init__(detail)
        self.final = final


class Letter(msgspec.Struct, frozen=True, kw_only=True):
    """A rendered mail. Its Message-ID is stable, so that receivers can drop duplicates."""

    id: str
    to: str
    subject: str
    text: str
    html: str
    host: str  # of the product, for the Message-ID
    unsubscribe_url: str | None = None


def compose(letter: Letter, sender: str) -> EmailMessage:
    """The MIME message: text and HTML, no attachment, nothing remote."""
    message = EmailMessage()
    message["From"] = sender
    message["To"] = letter.to
    _set_subject(message, " ".join(letter.subject.split()))  # a line break would begin another header
    message["Date"] = format_datetime(process_now())
    message["Message-ID"] = f"<{letter.id}@{letter.host}>"
    message["Auto-Submitted"] = "auto-generated"
    if letter.unsubscribe_url:
        message["List-Unsubscribe"] = f"<{letter.unsubscribe_url}>"
    message.set_content(letter.text)
    message.add_alternative(letter.html, subtype="html")
    return message


def _set_subject(message: EmailMessage, subject: str) -> None:
    """Set the subject unchanged. Text that looks like an encoded word (RFC 2047 §2) would be decoded by readers, so it
    is encoded as one."""
    if "=?" in subject:
        encoded = Header(subject, "utf-8", header_name="Subject").encode()
        message.set_raw("Subject", encoded)
    else:
        message["Subject"] = subject


class MailServer:
    """The process's way to its mail server: one connection a letter, and the trusted authorities read once."""

    def __init__(self, runtime: Runtime) -> None:
        self._tls = ssl.create_default_context()

    async def aclose(self) -> None:
        """Nothing stays open between letters."""

    async def send(self, settings: MailSettings, letter: Letter) -> None:
        """Hand `letter` to the mail server. Raises NotSent."""
        refuse_open_transaction()
        message = compose(letter, settings.sender)
        client = aiosmtplib.SMTP(
            hostname=settings.host,
            port=settings.port,
            use_tls=settings.implicit_tls,
            start_tls=True if settings.must_encrypt and not settings.implicit_tls else None,
            tls_context=self._tls,
            timeout=TIMEOUT_SECONDS,
        )
        try:
            async with client:
                if settings.user is not None:
                    await client.login(settings.user, settings.password or "")
                await client.send_message(message, sender=parseaddr(settings.sender)[1], recipients=[letter.to])
        except aiosmtplib.SMTPRecipientsRefused as error:
            codes = [refused.code for refused in error.recipients]
            raise _refusal(codes[0] if codes else None, str(error)) from error
        except aiosmtplib.SMTPResponseException as error:
            raise _refusal(error.code, error.message) from error
        except (aiosmtplib.SMTPException, OSError, TimeoutError) as error:
            raise NotSent(type(error).__name__, final=False) from error


def _refusal(code: int | None, text: str) -> NotSent:
    """5xx is final, except for the login, which is a fault of our settings."""
    final = code is not None and 500 <= code < 600 and code not in LOGIN_TROUBLE
    return NotSent(f"{code or ''} {text}".strip()[:300], final=final)
