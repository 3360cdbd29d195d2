"""Matches the identity of a sign-in to a person: an existing one, a new one, or a refusal.

A person is identified by issuer and subject (OpenID Connect Core §5.7). A new identity whose verified address already
belongs to a person never creates a second account: it is linked when the operator trusts that person's earlier issuer
(BERTH_OIDC_EARLIER_ISSUERS), and refused otherwise. Both sides must have verified the address, and only one person may
have it.
"""

from uuid import UUID

from app.domains.auth.errors import AccountSuspended, AddressElsewhere, Cause
from app.domains.auth.repository import IdentityRepository
from app.domains.auth.rules.claims import Identity
from app.shared.audit import AuditAction
from app.shared.context import Context
from app.shared.ids import new_id

ELSEWHERE = (
    "An account with your e-mail address already exists at another identity provider, so no second one was created. "
    "Sign in the way you did before. If the provider has changed, the operator of this portal can move accounts to the "
    "new one by naming the earlier one in BERTH_OIDC_EARLIER_ISSUERS."
)


async def recognise(ctx: Context, identity: Identity, name: str) -> tuple[UUID, bool]:
    """The person's id, and whether they are new. Raises AddressElsewhere, AccountSuspended."""
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
    """The person with the same verified address at another issuer, if any. Raises AddressElsewhere."""
    if not identity.email or not identity.email_verified:
        return None
    rows = await repository.list_elsewhere(identity)
    if not rows:
        return None
    oidc = ctx.settings.oidc
    is_trusted = identity.issuer == oidc.issuer and all(set(row.issuers) <= oidc.earlier_issuers for row in rows)
    if len(rows) > 1 or not is_trusted:
        raise AddressElsewhere(ELSEWHERE, cause=Cause.ADDRESS_ELSEWHERE, people=len(rows))
    user_id = UUID(str(rows[0].id))
    await ctx.audit(AuditAction.IDENTITY_LINK, user_id, {"issuer": identity.issuer})
    return user_id
