"""Who somebody is that an identity provider vouches for: the person of before, a new one, or one who is sent elsewhere.

A person is issuer and subject (OpenID Connect Core §5.7). Who comes from another issuer with an address that a person
has proved is never made a second person in silence: they are that person when the operator of the portal has named the
issuer of before as one to be believed (BERTH_OIDC_EARLIER_ISSUERS), and otherwise they are told. Both must have
verified the address, and it must be one person's alone: an address that nobody proved opens nobody's account.
"""

from uuid import UUID

from app.domains.auth.contracts import Identity
from app.domains.auth.errors import AccountSuspended, AddressElsewhere, Cause
from app.domains.auth.repository import IdentityRepository
from app.shared.audit import AuditAction
from app.shared.context import Context
from app.shared.ids import new_id

ELSEWHERE = (
    "An account with your e-mail address exists already, from another identity provider, so no second one was made. "
    "Sign in the way you did before. Where the provider has changed, whoever runs this portal can let accounts of the "
    "earlier one move to the new one: they name it in BERTH_OIDC_EARLIER_ISSUERS."
)


async def recognise(ctx: Context, identity: Identity, name: str) -> tuple[UUID, bool]:
    """The person's id, and whether they were made now. Raises AddressElsewhere, AccountSuspended."""
    repository, now = IdentityRepository(ctx.session), await ctx.now()
    await repository.lock(identity)
    user_id = await repository.find_person(identity)
    if user_id is None:
        user_id = await _from_elsewhere(ctx, repository, identity)
    is_new = user_id is None
    if user_id is None:
        user_id = UUID(str(new_id()))
        await repository.append_person(user_id, identity, name, now)
    else:
        row = await repository.update_person(user_id, identity, name, now)
        if row.suspended_at is not None:
            refusal = AccountSuspended(cause=Cause.SUSPENDED)
            refusal.refused = (AuditAction.SESSION_SIGN_IN, "user", str(user_id))
            raise refusal
    await repository.put(identity, user_id, now)
    return user_id, is_new


async def _from_elsewhere(ctx: Context, repository: IdentityRepository, identity: Identity) -> UUID | None:
    """The person whom other issuers know by the same proved address. Raises AddressElsewhere."""
    if not identity.email or not identity.email_verified:
        return None
    found = await repository.list_elsewhere(identity)
    if not found:
        return None
    oidc = ctx.settings.oidc
    believed = identity.issuer == oidc.issuer and all(set(row.issuers) <= oidc.earlier_issuers for row in found)
    if len(found) > 1 or not believed:
        raise AddressElsewhere(ELSEWHERE, cause=Cause.ADDRESS_ELSEWHERE, people=len(found))
    user_id = UUID(str(found[0].id))
    await ctx.audit(AuditAction.IDENTITY_LINK, user_id, {"issuer": identity.issuer})
    return user_id
