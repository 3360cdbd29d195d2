"""Who a cookie or an access token stands for, as a read model: 2 s in the process, 2.5 s more in Valkey.

A change of a session or of its person's roles invalidates it after the commit. When Valkey does not hear of it, or no
message arrives, it is seen after 4.5 s; without Valkey every request reads it from PostgreSQL.
"""

from collections.abc import Iterable
from uuid import UUID

from app.domains.auth.repository import AuthRepository
from app.shared.authz import Actor
from app.shared.context import Context
from app.shared.readcache import ReadModel

SESSION = ReadModel[Actor](name="auth.session", holds=Actor, shared_seconds=2.5, local_seconds=2)
TOKEN = ReadModel[Actor](name="auth.token", holds=Actor, shared_seconds=2.5, local_seconds=2)


class NotKept(Exception):
    """The actor of a session that does not live, or whose view of an organisation ends at an instant: it is read anew
    for every request."""

    def __init__(self, actor: Actor) -> None:
        self.actor = actor


def session_tag(token_hash: bytes) -> str:
    """The tag of one session."""
    return f"session:{token_hash.hex()}"


def forget(ctx: Context, token_hashes: Iterable[bytes]) -> None:
    """Read the actors of these sessions again, once this transaction has committed."""
    ctx.invalidate(*(session_tag(token_hash) for token_hash in token_hashes))


async def forget_sessions(ctx: Context, user_id: UUID) -> None:
    """Read the actor of each of the person's sessions again, once this transaction has committed."""
    forget(ctx, await AuthRepository(ctx.session).list_token_hashes(user_id, await ctx.now()))
