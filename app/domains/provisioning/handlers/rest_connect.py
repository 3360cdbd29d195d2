"""Ways to a machine for programs: attached SSH keys and certificates."""

from uuid import UUID

from litestar import delete, get, post
from litestar.params import FromPath

from app.domains.provisioning.contracts import AttachKey, AttachmentChanged, CertifyKey, DetachKey
from app.domains.provisioning.handlers.options import ALLOCATION_READ, TERMINAL_OPEN
from app.domains.provisioning.schemas.connect import AttachBody, AttachedKeysAnswer, CertificateAnswer, CertificateBody
from app.domains.provisioning.service import access
from app.web import Ctx, Json
from app.web.paging import Cursor, Limit


@get("/allocations/{allocation_id:uuid}/ssh-keys", opt=ALLOCATION_READ)
async def list_attached_keys(
    ctx: Ctx, allocation_id: FromPath[UUID], cursor: Cursor = None, limit: Limit = 50
) -> AttachedKeysAnswer:
    """Which SSH keys open this machine."""
    return AttachedKeysAnswer.of(await access.list_attached(ctx, allocation_id), cursor, limit)


@post("/allocations/{allocation_id:uuid}/ssh-keys", opt=TERMINAL_OPEN, status_code=202)
async def attach_ssh_key(ctx: Ctx, allocation_id: FromPath[UUID], data: Json[AttachBody]) -> AttachmentChanged:
    """Let one of one's own keys open a running machine; it is there within seconds."""
    command = AttachKey(allocation_id=allocation_id, key_id=data.key_id)
    return await access.attach_key(ctx, command)


@delete("/allocations/{allocation_id:uuid}/ssh-keys/{key_id:uuid}", opt=TERMINAL_OPEN, status_code=202)
async def detach_ssh_key(ctx: Ctx, allocation_id: FromPath[UUID], key_id: FromPath[UUID]) -> AttachmentChanged:
    """The key opens this machine no more; connections made with it end within seconds."""
    command = DetachKey(allocation_id=allocation_id, key_id=key_id)
    return await access.detach_key(ctx, command)


@post("/allocations/{allocation_id:uuid}/ssh-certificates", opt=TERMINAL_OPEN)
async def sign_ssh_certificate(
    ctx: Ctx, allocation_id: FromPath[UUID], data: Json[CertificateBody]
) -> CertificateAnswer:
    """A certificate that lets one's key log in to this machine for minutes, and how the machine proves itself."""
    command = CertifyKey(allocation_id=allocation_id, public_key=data.public_key)
    return CertificateAnswer.of(await access.certify_key(ctx, command))


ROUTES = [list_attached_keys, attach_ssh_key, detach_ssh_key, sign_ssh_certificate]
