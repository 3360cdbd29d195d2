"""Mails as intents: a row in the caller's transaction, sent after the commit and with retries by notification's job.

    await send_mail(ctx, "ben@example.com", "invitation", {"organisation": …, "link": …})

`template` is a folder of app/templates/email with subject.txt, body.txt and body.html; each gets the values as `mail`.
The values may hold a secret link, so they are stored encrypted and forgotten once the mail has ended. Refuses addresses
and values that could become headers, and never sends anything itself.
"""

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Protocol
from uuid import UUID

import msgspec
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from app.settings import Settings
from app.shared.crypto import wrap
from app.shared.errors import ValidationFailed
from app.shared.ids import new_id

SEND_JOB = "notification.send_mail"
PURPOSE = "mail"
ADDRESS = re.compile(r"[^\s@<>\",;:()\[\]\\]{1,64}@[^\s@<>\",;:()\[\]\\]{1,190}")
TEMPLATE = re.compile(r"[a-z][a-z0-9_]{0,39}")

INSERT = text("""
    INSERT INTO shared.mails (id, recipient, template, wrapped_values, tenant_id, user_id, due_at, created_at)
    VALUES (:id, :recipient, :template, :wrapped_values, :tenant_id, :user_id, :now, :now)
""")


class MailRef(msgspec.Struct, frozen=True):
    """What the job gets: the intent's id, which also makes the Message-ID."""

    id: UUID


class MailContext(Protocol):
    """What recording a mail needs of a Context."""

    @property
    def session(self) -> AsyncSession: ...

    @property
    def settings(self) -> Settings: ...

    async def now(self) -> datetime: ...

    async def enqueue(
        self, job: str, arguments: msgspec.Struct, *, aggregate_id: UUID, due_at: datetime | None = None
    ) -> None: ...


def is_address(value: str) -> bool:
    """Whether a mail can be addressed to `value` as it is: one mailbox, no name, no comment, nothing to inject."""
    return len(value) <= 254 and value.isprintable() and ADDRESS.fullmatch(value) is not None


async def send_mail(
    ctx: MailContext,
    to: str,
    template: str,
    values: Mapping[str, str],
    *,
    tenant_id: UUID | None = None,
    user_id: UUID | None = None,
) -> UUID:
    """Record a mail and ask for its sending after the commit. Returns the intent's id. Raises ValidationFailed for an
    address that no mail can go to."""
    if not is_address(to):
        raise ValidationFailed(fields={"email": "is not an e-mail address"})
    if TEMPLATE.fullmatch(template) is None:
        raise ValueError(f"{template!r} is no name of a mail template")
    mail_id = new_id()
    plain = msgspec.json.encode(dict(values))
    row = {
        "id": mail_id,
        "recipient": to,
        "template": template,
        "wrapped_values": wrap(ctx.settings.web.secret_key, plain, PURPOSE),
        "tenant_id": tenant_id,
        "user_id": user_id,
        "now": await ctx.now(),
    }
    await ctx.session.execute(INSERT, row)
    await ctx.enqueue(SEND_JOB, MailRef(mail_id), aggregate_id=mail_id)
    return mail_id
