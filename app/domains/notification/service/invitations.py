"""The mail about an invitation. It contains no secret: its link leads to a page behind sign-in."""

from uuid import UUID

from app.domains.auth import public as auth
from app.shared import formats
from app.shared.context import Context
from app.shared.mail import is_address, send_mail

TEMPLATE = "invitation"
PATH = "/invitations"


async def write(ctx: Context, invitation_id: UUID) -> None:
    """Record the mail, unless the invitation is no longer open."""
    mail = (await auth.invitation_mails(ctx, [invitation_id])).get(invitation_id)
    if mail is None or not mail.is_open or not is_address(mail.email):
        return
    values = {
        "inviter": mail.invited_by_name,
        "organisation": mail.tenant_name,
        "project": mail.project_name or "",
        "role": mail.role_label,
        "link": ctx.settings.web.public_url + PATH,
        "expires": formats.instant(mail.expires_at),
    }
    await send_mail(ctx, mail.email, TEMPLATE, values, tenant_id=mail.tenant_id)
