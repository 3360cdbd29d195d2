"""The mail about an invitation. It holds no secret: its link leads to a page where one signs in with that address."""

from uuid import UUID

from app.domains.auth import public as auth
from app.shared import formats
from app.shared.context import Context
from app.shared.mail import is_address, send_mail

TEMPLATE = "invitation"
PATH = "/invitations"


async def write(ctx: Context, invitation_id: UUID) -> None:
    """Record the mail, unless the invitation was answered or withdrawn meanwhile."""
    found = (await auth.invitation_mails(ctx, [invitation_id])).get(invitation_id)
    if found is None or not found.is_open or not is_address(found.email):
        return
    values = {
        "inviter": found.invited_by_name,
        "organisation": found.tenant_name,
        "project": found.project_name or "",
        "role": found.role_label,
        "link": ctx.settings.web.public_url + PATH,
        "expires": formats.instant(found.expires_at),
    }
    await send_mail(ctx, found.email, TEMPLATE, values, tenant_id=found.tenant_id)
