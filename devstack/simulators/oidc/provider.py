"""The provider's rules: people, codes, grants, tokens, keys. Owns every state change; knows no HTTP."""

import base64
import hashlib
import hmac
import time
from collections.abc import Callable, Mapping
from typing import cast

import msgspec
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet, RSAKey

from devstack.simulators.faults import Faults
from devstack.simulators.oidc.models import (
    NAMED_PEOPLE,
    AccessToken,
    Code,
    Grant,
    Person,
    RefreshToken,
    SigningKey,
    digest,
    new_secret,
)
from devstack.simulators.store import Store

CODE_SECONDS = 60
TOKEN_SECONDS = 600


class OAuthError(Exception):
    """An error of RFC 6749 with its description."""

    def __init__(self, code: str, description: str, status: int = 400) -> None:
        super().__init__(description)
        self.code = code
        self.description = description
        self.status = status


class Client(msgspec.Struct, frozen=True):
    """The one registered client. Addresses are compared character by character."""

    id: str
    secret: str
    redirect_uris: tuple[str, ...]
    post_logout_redirect_uris: tuple[str, ...]


class Provider:
    """One issuer."""

    def __init__(
        self, store: Store, faults: Faults, issuer: str, client: Client, now: Callable[[], float] = time.time
    ) -> None:
        self.issuer = issuer
        self.client = client
        self._store = store
        self._faults = faults
        self._now = now
        for person in NAMED_PEOPLE:
            store.put(person.id, person)
        # Reading a private key checks its primes (about 40 ms), so it is done once. The youngest is the last.
        self._ring = [RSAKey.import_key(dict(kept.jwk)) for kept in store.all(SigningKey)]
        if not self._ring:
            self.rotate_keys()

    # -- people ----------------------------------------------------------------------------------------------------

    def person(self, sub: str) -> Person | None:
        """A known person."""
        return self._store.find(Person, {"chloé": "chloe"}.get(sub, sub))

    def meet(self, name: str, email: str, *, verified: bool) -> Person:
        """Someone else: the same e-mail address (in any case) is always the same subject."""
        address = email.casefold()
        named = next((person for person in NAMED_PEOPLE if person.email == address), None)
        if named is not None:
            return named
        sub = "p-" + hashlib.sha256(address.encode()).hexdigest()[:20]
        person = Person(id=sub, name=name, email=email, email_verified=verified)
        self._store.put(sub, person)
        return person

    # -- codes and tokens ------------------------------------------------------------------------------------------

    def authorize(self, person: Person, redirect_uri: str, scope: str, nonce: str, challenge: str) -> str:
        """A fresh code for a person who has just signed in."""
        code, now = new_secret(), self._now()
        grant = Grant(id=new_secret(), sub=person.id, scope=scope, nonce=nonce, auth_time=int(now))
        kept = Code(
            id=digest(code), grant=grant.id, redirect_uri=redirect_uri, challenge=challenge, expires=now + CODE_SECONDS
        )
        with self._store.transaction():
            self._store.put(grant.id, grant)
            self._store.put(kept.id, kept)
        return code

    def exchange_code(self, code: str, redirect_uri: str, verifier: str) -> dict[str, object]:
        """Tokens for a code. Raises OAuthError; any attempt uses the code up, a second one revokes what it gave."""
        kept = self._store.find(Code, digest(code))
        if kept is None:
            raise OAuthError("invalid_grant", "the code is unknown")
        if kept.used:
            self._revoke(kept.grant)
            raise OAuthError("invalid_grant", "the code was used before; everything issued from it is revoked")
        kept.used = True
        self._store.put(kept.id, kept)
        if kept.expires <= self._now():
            raise OAuthError("invalid_grant", "the code has expired")
        if kept.redirect_uri != redirect_uri:
            raise OAuthError("invalid_grant", "redirect_uri is not the one of the authorization request")
        if not hmac.compare_digest(_s256(verifier), kept.challenge):
            raise OAuthError("invalid_grant", "code_verifier does not match code_challenge")
        return self._issue(self._grant(kept.grant))

    def refresh(self, token: str) -> dict[str, object]:
        """Fresh tokens, the refresh token among them. Raises OAuthError; a used token revokes its whole family."""
        kept = self._store.find(RefreshToken, digest(token))
        if kept is None:
            raise OAuthError("invalid_grant", "the refresh token is unknown")
        if kept.used:
            self._revoke(kept.grant)
            raise OAuthError("invalid_grant", "the refresh token was used before; its family is revoked")
        grant = self._grant(kept.grant)
        kept.used = True
        self._store.put(kept.id, kept)
        return self._issue(grant)

    def revoke(self, token: str) -> None:
        """Revoke an access token, or a refresh token with its whole family. An unknown token is fine (RFC 7009)."""
        refresh = self._store.find(RefreshToken, digest(token))
        if refresh is not None:
            self._revoke(refresh.grant)
        self._store.delete(AccessToken, digest(token))

    def userinfo(self, token: str) -> dict[str, object]:
        """The claims behind an access token. Raises OAuthError."""
        kept = self._store.find(AccessToken, digest(token))
        if kept is None or kept.expires <= self._now():
            raise OAuthError("invalid_token", "the access token is unknown or has expired", 401)
        try:
            grant = self._grant(kept.grant)
        except OAuthError:
            raise OAuthError("invalid_token", "the access token was revoked", 401) from None
        return {"sub": grant.sub, **self._claims(grant)}

    def end_session(self, id_token: str) -> bool:
        """Revoke the sign-in behind an ID token of ours (an expired one will do); False when it is not ours."""
        try:
            claims = jwt.decode(id_token, KeySet(list(self._ring)), algorithms=["RS256"]).claims
        except (JoseError, ValueError):
            return False
        if claims.get("iss") != self.issuer:
            return False
        self._revoke(str(claims.get("sid")))
        return True

    # -- keys ------------------------------------------------------------------------------------------------------

    def rotate_keys(self) -> str:
        """Sign with a new key from now on; older ones stay published. Returns its key id."""
        key = RSAKey.generate_key(2048, auto_kid=True)
        kid = str(key.kid)
        self._ring.append(key)
        self._store.put(kid, SigningKey(id=kid, jwk=cast("dict[str, str]", key.as_dict(private=True))))
        return kid

    def retire_keys(self) -> None:
        """Publish only the key that signs."""
        for key in self._ring[:-1]:
            self._store.delete(SigningKey, str(key.kid))
        self._ring = self._ring[-1:]

    def jwks(self) -> dict[str, object]:
        """The public keys."""
        return {"keys": [{**key.as_dict(private=False), "use": "sig", "alg": "RS256"} for key in self._ring]}

    # -- inside ----------------------------------------------------------------------------------------------------

    def _grant(self, grant_id: str) -> Grant:
        grant = self._store.find(Grant, grant_id)
        if grant is None or grant.revoked:
            raise OAuthError("invalid_grant", "the grant was revoked")
        return grant

    def _revoke(self, grant_id: str) -> None:
        grant = self._store.find(Grant, grant_id)
        if grant is not None:
            grant.revoked = True
            self._store.put(grant.id, grant)

    def _issue(self, grant: Grant) -> dict[str, object]:
        access = new_secret()
        kept = AccessToken(id=digest(access), grant=grant.id, expires=self._now() + TOKEN_SECONDS)
        self._store.put(kept.id, kept)
        answer: dict[str, object] = {
            "access_token": access,
            "token_type": "Bearer",
            "expires_in": TOKEN_SECONDS,
            "scope": grant.scope,
            "id_token": self._id_token(grant),
        }
        if "offline_access" in grant.scope.split():
            refresh = new_secret()
            self._store.put(digest(refresh), RefreshToken(id=digest(refresh), grant=grant.id))
            answer["refresh_token"] = refresh
        return answer

    def _id_token(self, grant: Grant) -> str:
        now = int(self._now())
        claims: dict[str, object] = {
            "iss": self.issuer,
            "sub": grant.sub,
            "aud": self.client.id,
            "iat": now,
            "exp": now + TOKEN_SECONDS,
            "auth_time": grant.auth_time,
            "nonce": grant.nonce,
            "sid": grant.id,
            **self._claims(grant),
        }
        if self._faults.take("wrong_nonce") is not None:
            claims["nonce"] = new_secret()
        if self._faults.take("expired_token") is not None:
            claims |= {"iat": now - 7200, "exp": now - 3600}
        if self._faults.take("wrong_audience") is not None:
            claims["aud"] = "somebody-else"
        if self._faults.take("wrong_issuer") is not None:
            claims["iss"] = "http://issuer.example"
        key = signer = self._ring[-1]
        if self._faults.take("wrong_signature") is not None:
            key = RSAKey.generate_key(2048)
        return jwt.encode({"alg": "RS256", "typ": "JWT", "kid": str(signer.kid)}, claims, key)

    def _claims(self, grant: Grant) -> Mapping[str, object]:
        person = self.person(grant.sub)
        if person is None:
            return {}
        scopes, claims = grant.scope.split(), dict[str, object]()
        if "profile" in scopes:
            claims["name"] = person.name
        if "email" in scopes:
            claims |= {"email": person.email, "email_verified": person.email_verified}
        return claims


def _s256(verifier: str) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
