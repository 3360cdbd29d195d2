"""The OIDC issuer: authorization code with PKCE S256 (RFC 7636), nonce, and RFC 9700's rules.

Metadata and keys are cached for an hour, and longer while the issuer does not answer. Keys are fetched again when a
token names an unknown one, but not again for ten seconds when that did not help.
"""

import math
import time
from collections.abc import Callable
from urllib.parse import quote_plus, urlencode, urlsplit

import structlog
from authlib.oauth2.auth import ClientAuth
from authlib.oauth2.rfc6749.parameters import prepare_grant_uri, prepare_token_request

from app.domains.auth.errors import Cause, IssuerUnavailable, SignInFailed
from app.domains.auth.gateway.id_token import read_header, verified_claims
from app.domains.auth.gateway.keys import Keys, read_keys
from app.domains.auth.gateway.metadata import Metadata, metadata_address, read_metadata
from app.domains.auth.gateway.wire import Answer, IssuerClient
from app.domains.auth.rules import challenge_of
from app.domains.auth.rules.claims import (
    Claims,
    Identity,
    check_claims,
    completed,
    identifier_of,
    identity_of,
    says_all,
    text_of,
)
from app.settings import OidcSettings
from app.shared.context import Runtime
from app.shared.db import refuse_open_transaction

log = structlog.get_logger("berth.sign_in")
CACHE_SECONDS = 3_600.0
RETRY_SECONDS = 10.0
SCOPES = "openid email profile"
METHODS = ("client_secret_basic", "client_secret_post")
MENDED_BY_NEWER_KEYS = frozenset({Cause.KEY_UNKNOWN, Cause.SIGNATURE_WRONG})


class OidcGateway:
    """One issuer, for one process."""

    def __init__(
        self,
        settings: OidcSettings,
        portal: str,
        wall: Callable[[], float] = time.time,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._settings = settings
        self._redirect_uri = f"{portal}/auth/callback"
        self._home = f"{portal}/"
        self._wall, self._clock = wall, clock
        self._metadata: tuple[Metadata, float] | None = None
        self._keys: tuple[Keys, float] | None = None
        self._no_newer_until = -math.inf
        self._client = IssuerClient()

    async def aclose(self) -> None:
        await self._client.aclose()

    async def authorization_url(self, state: str, nonce: str, code_verifier: str) -> str:
        """Where to send the browser. Raises IssuerUnavailable."""
        asked = prepare_grant_uri(
            "",
            self._settings.client_id,
            "code",
            redirect_uri=self._redirect_uri,
            scope=SCOPES,
            state=state,
            nonce=nonce,
            code_challenge=challenge_of(code_verifier),
            code_challenge_method="S256",
        )
        return _with_query((await self.metadata()).authorization_endpoint, asked.removeprefix("?"))

    async def check_issuer(self, named: str | None) -> None:
        """Check the `iss` of an authorization response (RFC 9207 §2.4). Raises SignInFailed."""
        if named is not None and named != self._settings.issuer:
            raise SignInFailed(cause=Cause.ISSUER_OTHER)
        if named is None and (await self.metadata()).names_itself:
            raise SignInFailed(cause=Cause.ISSUER_MISSING)

    async def prove(self, code: str, nonce: str, code_verifier: str) -> Identity:
        """Exchange `code` and verify the tokens. Raises SignInFailed, IssuerUnavailable."""
        tokens = await self._exchange(code, code_verifier)
        id_token = text_of(tokens.get("id_token"))
        claims = await self._verified(id_token)
        check_claims(
            claims,
            issuer=self._settings.issuer,
            client_id=self._settings.client_id,
            nonce=nonce,
            now=self._wall(),
            skew=self._settings.clock_skew,
        )
        if not says_all(claims):
            claims = completed(claims, await self._userinfo(claims, tokens))
        return identity_of(claims, self._settings.issuer)

    async def farewell_url(self) -> str | None:
        """Where a person ends their session at the issuer; None when it has no such endpoint.

        OpenID Connect RP-Initiated Logout 1.0, by GET: browsers send no `Lax` cookie with a cross-site POST, so the
        issuer would see no session. The address carries our client id but no ID token, so the issuer asks the person
        to confirm. Raises IssuerUnavailable."""
        address = (await self.metadata()).end_session_endpoint
        if address is None:
            return None
        asked = urlencode({"client_id": self._settings.client_id, "post_logout_redirect_uri": self._home})
        return _with_query(address, asked)

    async def metadata(self) -> Metadata:
        """The issuer's metadata, cached. Raises IssuerUnavailable."""
        refuse_open_transaction()
        if self._metadata is not None and self._clock() - self._metadata[1] < CACHE_SECONDS:
            return self._metadata[0]
        try:
            document = await self._client.read(metadata_address(self._settings.issuer))
            self._metadata = read_metadata(document, self._settings.issuer), self._clock()
        except IssuerUnavailable as refusal:
            if self._metadata is None:
                raise
            log.warning("metadata of the issuer is kept", cause=refusal.cause, **refusal.evidence)
            self._metadata = self._metadata[0], self._clock() - CACHE_SECONDS + RETRY_SECONDS
        return self._metadata[0]

    async def _exchange(self, code: str, code_verifier: str) -> dict[str, object]:
        """Token request (RFC 6749 §4.1.3) with the first client authentication method that the issuer accepts."""
        metadata = await self.metadata()
        asked = prepare_token_request(
            "authorization_code", redirect_uri=self._redirect_uri, code=code, code_verifier=code_verifier
        )
        answer: Answer | None = None
        for method in [name for name in METHODS if name in metadata.token_auth] or METHODS[:1]:
            answer = await self._ask_for_tokens(metadata.token_endpoint, asked, method)
            if not answer.refuses_client:
                break
        if (
            answer is None
            or answer.status != 200
            or not isinstance(answer.document, dict)
            or "error" in answer.document
        ):
            status, error = (answer.status, answer.error) if answer else (0, "")
            cause = Cause.CLIENT_REFUSED if answer and answer.refuses_client else Cause.CODE_REFUSED
            raise SignInFailed(cause=cause, status=status, error=error)
        return answer.document

    async def _ask_for_tokens(self, address: str, asked: str, method: str) -> Answer:
        client_id, secret = self._settings.client_id, self._settings.client_secret
        if method == "client_secret_basic":  # RFC 6749 §2.3.1: form-encoded, so that no character has a meaning
            client_id, secret = quote_plus(client_id), quote_plus(secret)
        _, headers, body = ClientAuth(client_id, secret, method).prepare("POST", address, {}, asked)
        return await self._client.ask("POST", address, form=body, headers=headers)

    async def _verified(self, id_token: str) -> Claims:
        header = read_header(id_token)
        try:
            return verified_claims(id_token, header, await self._key_set())
        except SignInFailed as refusal:
            if refusal.cause not in MENDED_BY_NEWER_KEYS or self._clock() < self._no_newer_until:
                raise
        keys = await self._read_keys()
        try:
            return verified_claims(id_token, header, keys)
        except SignInFailed:
            self._no_newer_until = self._clock() + RETRY_SECONDS
            raise

    async def _key_set(self) -> Keys:
        if self._keys is not None and self._clock() - self._keys[1] < CACHE_SECONDS:
            return self._keys[0]
        return await self._read_keys()

    async def _read_keys(self) -> Keys:
        """Fetch the keys; keep the cached ones when that fails. Raises IssuerUnavailable."""
        metadata = await self.metadata()
        try:
            keys = read_keys(await self._client.read(metadata.jwks_uri))
            if not keys.usable:
                raise IssuerUnavailable(cause=Cause.KEYS_UNUSABLE, passed_over=keys.passed_over)
        except IssuerUnavailable as refusal:
            if self._keys is None:
                raise
            log.warning("keys of the issuer are kept", cause=refusal.cause, **refusal.evidence)
            keys = self._keys[0]
        if keys.passed_over:
            log.info("keys of the issuer were passed over", usable=len(keys.usable), passed_over=keys.passed_over)
        self._keys = keys, self._clock()
        return keys

    async def _userinfo(self, claims: Claims, tokens: dict[str, object]) -> Claims:
        """Claims of the userinfo endpoint, where some providers put name and address (OpenID Connect Core §5.4). They
        must be of the same subject (§5.3.2). Raises SignInFailed, IssuerUnavailable."""
        address, bearer = (await self.metadata()).userinfo_endpoint, text_of(tokens.get("access_token"))
        if address is None or not bearer or not bearer.isprintable() or not bearer.isascii():
            return {}
        answer = await self._client.ask("GET", address, headers={"authorization": f"Bearer {bearer}"})
        if answer.status != 200 or not isinstance(answer.document, dict):
            log.warning("userinfo was not given", status=answer.status, error=answer.error)
            return {}
        if identifier_of(answer.document.get("sub")) != identifier_of(claims["sub"]):
            raise SignInFailed(cause=Cause.OTHER_PERSON)
        return answer.document


class ProcessGateway(OidcGateway):
    """The process's one gateway to the issuer in its settings."""

    def __init__(self, runtime: Runtime) -> None:
        super().__init__(runtime.settings.oidc, runtime.settings.web.public_url)


def _with_query(address: str, query: str) -> str:
    return f"{address}{'&' if urlsplit(address).query else '?'}{query}"
