"""Sends recorded mails: claim and commit, hand to the mail server, record the result. A mail is rendered when it is
sent, so that its content is current."""

from urllib.parse import urlsplit
from uuid import UUID

import msgspec
import structlog
from jinja2 import TemplateError

from app.domains.notification.gateway import smtp
from app.domains.notification.gateway.smtp import Letter, NotSent
from app.domains.notification.repository import mails as repository
from app.domains.notification.repository.inbox import InboxRepository
from app.domains.notification.repository.mails import QueuedMail
from app.domains.notification.rules.schedule import MAIL_PAUSES, next_try
from app.domains.notification.service import inbox, messages
from app.domains.notification.service.messages import ItemView
from app.shared.authz.actor import SYSTEM
from app.shared.context import Context, Runtime
from app.shared.crypto import unwrap
from app.shared.mail import PURPOSE, SEND_JOB, MailRef

log = structlog.get_logger("berth.mail")
PREFERENCES = "/settings/notifications"
NO_SERVER = "no mail server is configured"


async def send(runtime: Runtime, mail_id: UUID) -> str:
    """Make one attempt. Returns sent, postponed, failed, or nothing (not due, ended, or claimed elsewhere)."""
    async with runtime.context(SYSTEM) as ctx:
        mail = await repository.claim_mail(ctx.session, mail_id, await ctx.now())
        if mail is None:
            return "nothing"
        letter, problem = await _render(ctx, mail)
    settings = runtime.settings.mail
    try:
        if letter is None or settings is None:
            raise NotSent(problem or NO_SERVER, final=True)
        await runtime.part(smtp.MailServer).send(settings, letter)
    except NotSent as error:
        return await _not_sent(runtime, mail, error)
    async with runtime.context(SYSTEM) as ctx:
        await repository.end_mail(ctx.session, mail.id, "sent", None, await ctx.now())
    return "sent"


async def _not_sent(runtime: Runtime, mail: QueuedMail, error: NotSent) -> str:
    async with runtime.context(SYSTEM) as ctx:
        now = await ctx.now()
        due_at = None if error.final else next_try(now, mail.attempts, MAIL_PAUSES)
        log.warning("a mail was not sent", mail_id=str(mail.id), attempt=mail.attempts, last=due_at is None)
        if due_at is None:
            await repository.end_mail(ctx.session, mail.id, "failed", str(error), now)
            return "failed"
        await repository.postpone_mail(ctx.session, mail.id, str(error), due_at)
        await ctx.enqueue(SEND_JOB, MailRef(mail.id), aggregate_id=mail.id, due_at=due_at)
        return "postponed"


async def _item(ctx: Context, item_id: UUID) -> ItemView | None:
    """The rendered item; times are in UTC, because a mail is read anywhere."""
    item = await InboxRepository(ctx.session).find_for_mail(item_id)
    views = await messages.describe(ctx, [item]) if item is not None else []
    return views[0] if views else None


async def _render(ctx: Context, mail: QueuedMail) -> tuple[Letter | None, str | None]:
    """The letter, or why it cannot be rendered."""
    if ctx.runtime.templates is None:
        raise RuntimeError("this process renders no mails")
    secret_key, web = ctx.settings.web.secret_key, ctx.settings.web
    values = msgspec.json.decode(unwrap(secret_key, mail.wrapped_values, PURPOSE), type=dict[str, str])
    if mail.template == inbox.MAIL_TEMPLATE:
        view = await _item(ctx, UUID(values["item"]))
        if view is None:
            return None, "the item is gone"
        values |= {"title": view.title, "text": view.text, "link": web.public_url + view.href}
    preferences = web.public_url + PREFERENCES
    about: dict[str, object] = {"mail": values, "portal": web.public_url, "preferences": preferences}
    folder = f"email/{mail.template}"
    try:
        subject, text, html = (
            ctx.runtime.templates.get_template(f"{folder}/{name}").render(**about)
            for name in ("subject.txt", "body.txt", "body.html")
        )
    except TemplateError as error:
        log.error("a mail cannot be rendered", mail_id=str(mail.id), template=mail.template, error=str(error))
        return None, f"the template {mail.template} cannot be rendered"
    letter = Letter(
        id=str(mail.id),
        to=mail.recipient,
        subject=subject,
        text=text,
        html=html,
        host=urlsplit(web.public_url).hostname or "localhost",
        unsubscribe_url=preferences if mail.user_id is not None else None,
    )
    return letter, None
