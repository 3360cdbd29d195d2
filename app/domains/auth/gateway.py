"""The one module that speaks to the OIDC issuer: discovery, code exchange, ID token checks.

Authorization code with PKCE S256 (RFC 7636), `iss` in the answer (RFC 9207), nonce, and RFC 9700's rules. Keys are read
again once when a token does not verify: tokens come from the issuer itself, so nobody else can make us ask often.
"""

import httpx2
import msgspec
from authlib.integrations.httpx_client import AsyncOAuth2Client
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from app.domains.auth.contracts import Identity
from app.domains.auth.errors import IssuerUnavailable, SignInFailed
from app.settings import OidcSettings
from app.shared.db import refuse_open_transaction

TIMEOUT = httpx2.Timeout(5.0)
ALGORITHMS = ["RS256", "ES256"]


class Discovery(msgspec.Struct, frozen=True):
    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    end_session_endpoint: str | None = None


class OidcGateway:
    """One issuer. Discovery and keys are kept in memory, as their owner allows."""

    def __init__(self, settings: OidcSettings, redirect_uri: str) -> None:
        self._settings = settings
        self._redirect_uri = redirect_uri
        self._discovery: Discovery | None = None
        self._keys: KeySet | None = None

    async def authorization_url(self, state: str, nonce: str, code_verifier: str) -> str:
        """Where to send the browser."""
        refuse_open_transaction()
        discovery = await self._discover()
        async with self._client() as client:
            url, _ = client.create_authorization_url(
                discovery.authorization_endpoint, state=state, nonce=nonce, code_verifier=code_verifier
            )
        return str(url)

    async def identity(self, code: str, nonce: str, code_verifier: str) -> Identity:
        """Exchange `code` and check the ID token. Raises SignInFailed or IssuerUnavailable."""
        refuse_open_transaction()
        discovery = await self._discover()
        try:
            async with self._client() as client:
                token = await client.fetch_token(
                    discovery.token_endpoint, grant_type="authorization_code", code=code, code_verifier=code_verifier
                )
        except httpx2.HTTPError as error:
            raise IssuerUnavailable() from error
        except Exception as error:  # authlib raises its own and plain errors alike
            raise SignInFailed() from error
        raw = token.get("id_token")
        if not isinstance(raw, str) or len(raw) > 16_384:
            raise SignInFailed()
        return self._identity_of(await self._claims(raw, nonce))

    async def _claims(self, raw: str, nonce: str) -> dict[str, object]:
        registry = jwt.JWTClaimsRegistry(
            leeway=30,
            iss={"essential": True, "value": self._settings.issuer},
            aud={"essential": True, "value": self._settings.client_id},
            nonce={"essential": True, "value": nonce},
            exp={"essential": True},
            sub={"essential": True},
        )
        for attempt in (0, 1):
            keys = await self._key_set(refresh=attempt == 1)
            try:
                decoded = jwt.decode(raw, keys, algorithms=ALGORITHMS)
                registry.validate(decoded.claims)
            except (JoseError, ValueError) as error:
                if attempt == 0 and _is_unknown_key(error):
                    continue
                raise SignInFailed() from error
            return dict(decoded.claims)
        raise SignInFailed()

    def _identity_of(self, claims: dict[str, object]) -> Identity:
        email = claims.get("email")
        return Identity(
            issuer=self._settings.issuer,
            subject=str(claims["sub"])[:255],
            email=str(email)[:254] if email else "",
            email_verified=claims.get("email_verified") is True,
            name=str(claims.get("name") or claims.get("preferred_username") or ""),
        )

    async def _discover(self) -> Discovery:
        if self._discovery is None:
            body = await self._get(f"{self._settings.issuer}/.well-known/openid-configuration")
            discovery = msgspec.json.decode(body, type=Discovery)
            if discovery.issuer.rstrip("/") != self._settings.issuer:
                raise IssuerUnavailable("The identity provider names itself differently than configured.")
            self._discovery = discovery
        return self._discovery

    async def _key_set(self, *, refresh: bool) -> KeySet:
        if self._keys is None or refresh:
            discovery = await self._discover()
            body = await self._get(discovery.jwks_uri)
            self._keys = KeySet.import_key_set(msgspec.json.decode(body))
        return self._keys

    async def _get(self, url: str) -> bytes:
        try:
            async with httpx2.AsyncClient(timeout=TIMEOUT, follow_redirects=False) as client:
                response = await client.get(url)
                response.raise_for_status()
        except httpx2.HTTPError as error:
            raise IssuerUnavailable() from error
        return response.content

    def _client(self) -> AsyncOAuth2Client:
        return AsyncOAuth2Client(
            client_id=self._settings.client_id,
            client_secret=self._settings.client_secret,
            redirect_uri=self._redirect_uri,
            scope="openid email profile",
            code_challenge_method="S256",
            timeout=TIMEOUT,
        )


def _is_unknown_key(error: Exception) -> bool:
    return "key" in type(error).__name__.lower() or "key" in str(error).lower() or "signature" in str(error).lower()
