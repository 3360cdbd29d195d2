"""SQL about sign-ins of the command line: authorization codes, refresh tokens, and the sessions behind them."""

from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import Row, text

from app.domains.auth.rules.values import Grant
from app.shared.db.repository import Repository

INSERT_CODE = text("""
    INSERT INTO auth.authorization_codes (code_hash, user_id, tenant_id, project_id, redirect_uri, code_challenge,
                                          created_at, expires_at)
    VALUES (:code_hash, :user_id, :tenant_id, :project_id, :redirect_uri, :code_challenge, :now, :expires_at)
""")
USE_CODE = text("""
    UPDATE auth.authorization_codes SET used_at = :now
    WHERE code_hash = :code_hash AND used_at IS NULL
    RETURNING user_id, tenant_id, project_id, redirect_uri, code_challenge, expires_at
""")
CODE_SESSION = text("UPDATE auth.authorization_codes SET session_id = :session_id WHERE code_hash = :code_hash")
SESSION_OF_CODE = text("SELECT session_id FROM auth.authorization_codes WHERE code_hash = :code_hash")
FORGET_CODES = text("DELETE FROM auth.authorization_codes WHERE expires_at < :before")
INSERT_REFRESH = text("""
    INSERT INTO auth.refresh_tokens (token_hash, session_id, created_at) VALUES (:token_hash, :session_id, :now)
""")
LOCK_REFRESH = text("""
    SELECT token_hash, session_id, used_at FROM auth.refresh_tokens WHERE token_hash = :token_hash FOR UPDATE
""")
USE_REFRESH = text("UPDATE auth.refresh_tokens SET used_at = :now WHERE token_hash = :token_hash")
LIVE_PROGRAM = text("""
    SELECT s.id, s.user_id, s.tenant_id, s.project_id, s.last_seen_at, s.expires_at, u.name
    FROM auth.oidc_sessions s JOIN auth.users u ON u.id = s.user_id LEFT JOIN auth.tenants t ON t.id = s.tenant_id
    WHERE s.id = :id AND s.method = 'cli' AND s.revoked_at IS NULL AND s.expires_at > :now
      AND u.suspended_at IS NULL AND t.suspended_at IS NULL
""")
REVOKE_PROGRAM = text("""
    UPDATE auth.oidc_sessions SET revoked_at = :now, revoked_reason = :reason
    WHERE id = :id AND method = 'cli' AND revoked_at IS NULL RETURNING id, user_id
""")


KEEP_CODES = timedelta(hours=1)  # a code that is used again must be recognised, not only refused


class ProgramRepository(Repository):
    """Bound to one unit of work. Secrets come and stay as hashes."""

    async def append_code(
        self, code_hash: bytes, user_id: UUID, grant: Grant, now: datetime, expires_at: datetime
    ) -> None:
        values = {
            "code_hash": code_hash,
            "user_id": user_id,
            "tenant_id": grant.tenant_id,
            "project_id": grant.project_id,
            "redirect_uri": grant.redirect_uri,
            "code_challenge": grant.code_challenge,
            "now": now,
            "expires_at": expires_at,
        }
        await self._session.execute(FORGET_CODES, {"before": now - KEEP_CODES})
        await self._session.execute(INSERT_CODE, values)

    async def use_code(self, code_hash: bytes, now: datetime) -> Row[tuple[object, ...]] | None:
        """What the code was given for; None when nobody knows it or it was used before."""
        return (await self._session.execute(USE_CODE, {"code_hash": code_hash, "now": now})).one_or_none()

    async def remember_session(self, code_hash: bytes, session_id: UUID) -> None:
        """Which session came of the code, so that a second use can end it."""
        await self._session.execute(CODE_SESSION, {"code_hash": code_hash, "session_id": session_id})

    async def find_session_of_code(self, code_hash: bytes) -> UUID | None:
        value = await self._session.scalar(SESSION_OF_CODE, {"code_hash": code_hash})
        return value if isinstance(value, UUID) else None

    async def append_refresh(self, token_hash: bytes, session_id: UUID, now: datetime) -> None:
        values = {"token_hash": token_hash, "session_id": session_id, "now": now}
        await self._session.execute(INSERT_REFRESH, values)

    async def lock_refresh(self, token_hash: bytes) -> Row[tuple[object, ...]] | None:
        """The refresh token, locked: of two that bring it at once the second sees it used."""
        return (await self._session.execute(LOCK_REFRESH, {"token_hash": token_hash})).one_or_none()

    async def use_refresh(self, token_hash: bytes, now: datetime) -> None:
        await self._session.execute(USE_REFRESH, {"token_hash": token_hash, "now": now})

    async def find_program(self, session_id: UUID, now: datetime) -> Row[tuple[object, ...]] | None:
        """A live session of the command line."""
        return (await self._session.execute(LIVE_PROGRAM, {"id": session_id, "now": now})).one_or_none()

    async def revoke_program(self, session_id: UUID, reason: str, now: datetime) -> Row[tuple[object, ...]] | None:
        values = {"id": session_id, "reason": reason, "now": now}
        return (await self._session.execute(REVOKE_PROGRAM, values)).one_or_none()
