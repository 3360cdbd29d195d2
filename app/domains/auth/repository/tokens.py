"""Service accounts, their credentials and tokens, and the keys that sign them."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import Row, select, text, update
from sqlalchemy.exc import IntegrityError

from app.domains.auth.errors import NameTaken
from app.domains.auth.models import ServiceAccount, ServiceAccountCredential, ServiceAccountToken, SigningKey
from app.domains.auth.rules.values import AccountQuery
from app.shared.authz import TenantScope
from app.shared.db.repository import Repository

ACCOUNTS = text("""
    SELECT a.id, a.name, a.project_id, p.name AS project_name, a.created_at, a.created_by, a.disabled_at, a.version,
           m.role, a.sponsor_id, a.unsponsored_at,
           (SELECT count(*) FROM auth.service_account_credentials c
            WHERE c.service_account_id = a.id AND c.revoked_at IS NULL AND a.disabled_at IS NULL) AS credentials,
           (SELECT max(c.last_used_at) FROM auth.service_account_credentials c
            WHERE c.service_account_id = a.id) AS last_used_at
    FROM auth.service_accounts a JOIN auth.memberships m ON m.service_account_id = a.id
    JOIN auth.projects p ON p.id = a.project_id
    WHERE a.tenant_id = :tenant_id AND (CAST(:id AS uuid) IS NULL OR a.id = :id)
      AND (:disabled OR a.disabled_at IS NULL) AND (CAST(:after AS uuid) IS NULL OR a.id > :after)
    ORDER BY a.id LIMIT :rows
""")
CREDENTIALS = text("""
    SELECT c.id, c.created_at, c.created_by, c.last_used_at, c.revoked_at FROM auth.service_account_credentials c
    JOIN auth.service_accounts a ON a.id = c.service_account_id
    WHERE c.service_account_id = :account_id AND a.tenant_id = :tenant_id
      AND (CAST(:after AS uuid) IS NULL OR c.id < :after)
    ORDER BY c.id DESC LIMIT :rows
""")
REVOKE_CREDENTIAL = text("""
    UPDATE auth.service_account_credentials c SET revoked_at = coalesce(c.revoked_at, :now)
    FROM auth.service_accounts a
    WHERE c.id = :id AND c.service_account_id = :account_id AND a.id = c.service_account_id
      AND a.tenant_id = :tenant_id RETURNING c.id
""")
CREDENTIAL = text("""
    SELECT c.id, c.service_account_id, c.secret_hash, c.created_by, a.tenant_id, a.project_id
    FROM auth.service_account_credentials c JOIN auth.service_accounts a ON a.id = c.service_account_id
    JOIN auth.tenants t ON t.id = a.tenant_id
    WHERE c.id = :id AND c.revoked_at IS NULL AND a.disabled_at IS NULL AND t.suspended_at IS NULL
""")
LIVE_TOKEN = text("""
    SELECT t.id, a.id AS account_id, a.tenant_id, a.project_id, a.name, c.created_by
    FROM auth.service_account_tokens t JOIN auth.service_accounts a ON a.id = t.service_account_id
    JOIN auth.service_account_credentials c ON c.id = t.credential_id JOIN auth.tenants o ON o.id = a.tenant_id
    WHERE t.id = :id AND t.revoked_at IS NULL AND t.expires_at > :now AND a.disabled_at IS NULL AND c.revoked_at IS NULL
      AND o.suspended_at IS NULL
""")
KEYS = select(SigningKey).order_by(SigningKey.created_at.desc(), SigningKey.id.desc()).limit(10)
LOCK_KEYS = text("SELECT pg_advisory_xact_lock(hashtext('auth.signing_keys'))")


class TokenRepository(Repository):
    """Service accounts and what they sign in with."""

    async def append_account(
        self, account_id: UUID, scope: TenantScope, project_id: UUID, name: str, created_by: UUID, now: datetime
    ) -> None:
        """Raises NameTaken when the tenant has an account of that name."""
        account = ServiceAccount(
            id=account_id,
            tenant_id=scope.tenant_id,
            project_id=project_id,
            name=name,
            created_by=created_by,
            sponsor_id=created_by,
            created_at=now,
        )
        try:
            await self._rows(ServiceAccount).add(account)
        except IntegrityError as error:
            raise NameTaken(name=name) from error

    async def page_accounts(self, scope: TenantScope, query: AccountQuery) -> list[Row[tuple[object, ...]]]:
        """Oldest first, up to one more than asked."""
        values = {
            "tenant_id": scope.tenant_id,
            "id": None,
            "disabled": query.disabled,
            "after": query.cursor,
            "rows": query.limit + 1,
        }
        return list(await self._session.execute(ACCOUNTS, values))

    async def find_account(self, scope: TenantScope, account_id: UUID) -> Row[tuple[object, ...]] | None:
        values = {"tenant_id": scope.tenant_id, "id": account_id, "disabled": True, "after": None, "rows": 1}
        return (await self._session.execute(ACCOUNTS, values)).one_or_none()

    async def page_credentials(
        self, scope: TenantScope, account_id: UUID, after: UUID | None, rows: int
    ) -> list[Row[tuple[object, ...]]]:
        """Newest first."""
        values = {"tenant_id": scope.tenant_id, "account_id": account_id, "after": after, "rows": rows}
        return list(await self._session.execute(CREDENTIALS, values))

    async def revoke_credential(self, scope: TenantScope, account_id: UUID, credential_id: UUID, now: datetime) -> bool:
        """Whether there is such a credential; one that was revoked before keeps its instant."""
        values = {"tenant_id": scope.tenant_id, "account_id": account_id, "id": credential_id, "now": now}
        return await self._session.scalar(REVOKE_CREDENTIAL, values) is not None

    async def disable_account(self, scope: TenantScope, account_id: UUID, now: datetime) -> int:
        """The new version."""
        one = update(ServiceAccount).where(ServiceAccount.id == account_id, ServiceAccount.tenant_id == scope.tenant_id)
        disabled = one.values(disabled_at=now, version=ServiceAccount.version + 1)
        return (await self._session.execute(disabled.returning(ServiceAccount.version))).scalar_one()

    async def has_account(self, scope: TenantScope, account_id: UUID) -> bool:
        return await self._rows(ServiceAccount).exists(
            ServiceAccount.id == account_id,
            ServiceAccount.tenant_id == scope.tenant_id,
            ServiceAccount.disabled_at.is_(None),
        )

    async def adopt(self, account_id: UUID, sponsor_id: UUID) -> None:
        """That person answers for the account from now on."""
        enabled = update(ServiceAccount).where(ServiceAccount.id == account_id, ServiceAccount.disabled_at.is_(None))
        adopted = enabled.values(sponsor_id=sponsor_id, unsponsored_at=None, version=ServiceAccount.version + 1)
        await self._session.execute(adopted)

    async def append_credential(
        self, credential_id: UUID, account_id: UUID, secret_hash: bytes, created_by: UUID, now: datetime
    ) -> None:
        credential = ServiceAccountCredential(
            id=credential_id,
            service_account_id=account_id,
            secret_hash=secret_hash,
            created_by=created_by,
            created_at=now,
        )
        await self._rows(ServiceAccountCredential).add(credential)

    async def find_credential(self, credential_id: UUID) -> Row[tuple[object, ...]] | None:
        return (await self._session.execute(CREDENTIAL, {"id": credential_id})).one_or_none()

    async def append_token(
        self, token_id: UUID, credential_id: UUID, account_id: UUID, now: datetime, expires_at: datetime
    ) -> None:
        token = ServiceAccountToken(
            id=token_id,
            credential_id=credential_id,
            service_account_id=account_id,
            issued_at=now,
            expires_at=expires_at,
        )
        await self._rows(ServiceAccountToken).add(token)
        used = update(ServiceAccountCredential).where(ServiceAccountCredential.id == credential_id)
        await self._session.execute(used.values(last_used_at=now))

    async def find_live_token(self, token_id: UUID, now: datetime) -> Row[tuple[object, ...]] | None:
        return (await self._session.execute(LIVE_TOKEN, {"id": token_id, "now": now})).one_or_none()

    async def list_keys(self) -> list[SigningKey]:
        """The newest first."""
        return await self._list(KEYS)

    async def lock_keys(self) -> None:
        """So that two processes that start together make one key."""
        await self._session.execute(LOCK_KEYS)

    async def append_key(
        self, key_id: UUID, public_jwk: dict[str, object], wrapped_private: bytes, now: datetime
    ) -> None:
        key = SigningKey(
            id=key_id, algorithm="Ed25519", public_jwk=public_jwk, wrapped_private=wrapped_private, created_at=now
        )
        await self._rows(SigningKey).add(key)
