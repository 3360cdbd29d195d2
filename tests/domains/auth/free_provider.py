"""An identity provider that says whatever a test wants it to, over a real socket: other vendors' habits, one by one."""

import base64
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from urllib.parse import parse_qsl, unquote_plus

import pytest
from joserfc import jws
from joserfc.jwk import ECKey, Key, OKPKey, RSAKey

from app.domains.auth.errors import SignInFailed
from app.domains.auth.gateway import OidcGateway
from app.domains.auth.rules.claims import Identity
from app.settings import OidcSettings
from tests.simulators.harness import receiving

NONCE, VERIFIER, PORTAL = "n" * 43, "v" * 64, "http://localhost:8000"
NOW = 1_800_000_000


class _Anything(jws.JWSRegistry):
    """Signs every header with every algorithm."""

    def check_header(self, header: dict[str, object]) -> None: ...

    def get_alg(self, name: str) -> object:
        return self.algorithms[name]


ANYTHING = _Anything()
MADE: dict[str, Key] = {}


def key_for(algorithm: str) -> Key:
    """One key for each algorithm and process: making an RSA key takes long."""
    kind = "RSA" if algorithm[0] in "RP" else algorithm
    if kind not in MADE:
        curves = {"ES256": "P-256", "ES384": "P-384", "ES512": "P-521"}
        if kind == "RSA":
            MADE[kind] = RSAKey.generate_key(2048, {"kid": "k1"})
        elif kind in curves:
            MADE[kind] = ECKey.generate_key(curves[kind], {"kid": "k1"})
        else:
            MADE[kind] = OKPKey.generate_key("Ed448" if kind == "Ed448" else "Ed25519", {"kid": "k1"})
    return MADE[kind]


class FreeProvider:
    """`metadata`, `keys`, `claims`, `tokens` and `userinfo` are changed by the test; `asked` holds what we sent."""

    def __init__(self, issuer: str, algorithm: str = "RS256") -> None:
        self.base, self.issuer, self.algorithm = issuer.rstrip("/"), issuer, algorithm
        self.key = key_for(algorithm)
        self.client_id, self.client_secret, self.now = "berth", "secret", float(NOW)
        self.metadata: dict[str, object] = {
            "issuer": issuer,
            "authorization_endpoint": f"{self.base}/authorize",
            "token_endpoint": f"{self.base}/token",
            "jwks_uri": f"{self.base}/jwks",
            "end_session_endpoint": f"{self.base}/end",
        }
        self.keys: list[object] = [self.public()]
        self.header: dict[str, object] = {"kid": "k1"}
        self.claims: dict[str, object] = {}
        self.tokens: dict[str, object] = {}
        self.userinfo: object = None
        self.status: dict[str, int] = {}
        self.asked: list[tuple[str, dict[str, str], dict[str, str]]] = []

    def public(self, **more: object) -> dict[str, object]:
        return {**self.key.as_dict(private=False), "kid": "k1", "use": "sig", **more}

    def said(self) -> dict[str, object]:
        """The claims of an ID token that is in order, with those of the test."""
        claims: dict[str, object] = {
            "iss": self.issuer, "aud": "berth", "sub": "ada", "nonce": NONCE, "iat": int(self.now),
            "exp": int(self.now) + 600, "name": "Ada Marsh", "email": "ada@example.com", "email_verified": True,
        }  # fmt: skip
        claims |= self.claims
        return {name: value for name, value in claims.items() if value is not ...}

    def id_token(self) -> str:
        header = {"alg": self.algorithm, **self.header}
        return jws.serialize_compact(header, json.dumps(self.said()), self.key, registry=ANYTHING)

    async def __call__(self, scope: dict, receive: Callable, send: Callable) -> None:  # type: ignore[type-arg]
        body = b""
        while (message := await receive()).get("more_body") or "body" in message:
            body += message.get("body", b"")
            if not message.get("more_body"):
                break
        headers = {name.decode(): value.decode("latin-1") for name, value in scope["headers"]}
        path = scope["path"].rpartition("/")[2]
        self.asked.append((path, headers, dict(parse_qsl(body.decode(), keep_blank_values=True))))
        answer = json.dumps(self._answer(path), ensure_ascii=False).encode("utf-8", "surrogatepass")
        status = self.status.get(path, 200)
        sent = [(b"content-type", b"text/plain"), (b"content-length", str(len(answer)).encode())]
        await send({"type": "http.response.start", "status": status, "headers": sent})
        await send({"type": "http.response.body", "body": answer})

    def _answer(self, path: str) -> object:
        match path:
            case "openid-configuration":
                return self.metadata
            case "jwks":
                return {"keys": self.keys}
            case "token":
                return {"access_token": "opaque", "id_token": self.id_token(), **self.tokens}
            case "userinfo":
                return self.userinfo
        return {"error": "not_found"}

    def times(self, path: str) -> int:
        return [one for one, _, _ in self.asked].count(path)

    def client(self) -> tuple[str, str]:
        """Who asked for the tokens, as RFC 6749 §2.3.1 reads it."""
        _, headers, _ = next(one for one in self.asked if one[0] == "token")
        name, _, secret = base64.b64decode(headers["authorization"].removeprefix("Basic ")).decode().partition(":")
        return unquote_plus(name), unquote_plus(secret)

    def gateway(self, **more: object) -> OidcGateway:
        settings = OidcSettings(self.issuer, self.client_id, self.client_secret, **more)  # type: ignore[arg-type]
        return OidcGateway(settings, PORTAL, wall=lambda: float(NOW))

    async def prove(self, code: str = "code") -> Identity:
        return await self.gateway().prove(code, NONCE, VERIFIER)


Make = Callable[..., FreeProvider]


@asynccontextmanager
async def free_providers() -> AsyncIterator[Make]:
    """Makes one after the other at one address: `issuer` is what follows host and port."""
    held: list[FreeProvider] = []

    async def app(scope: dict, receive: Callable, send: Callable) -> None:  # type: ignore[type-arg]
        await held[-1](scope, receive, send)

    async with receiving(app) as port:

        def make(algorithm: str = "RS256", issuer: str = "") -> FreeProvider:
            held.append(FreeProvider(f"http://localhost:{port}{issuer}", algorithm))
            return held[-1]

        yield make


async def refused(provider: FreeProvider) -> SignInFailed:
    """Why nobody signs in."""
    with pytest.raises(SignInFailed) as caught:
        await provider.prove()
    return caught.value
