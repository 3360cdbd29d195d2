"""What the simulated provider remembers. Codes and tokens are kept as SHA-256 digests; times are Unix seconds."""

import hashlib
import secrets

import msgspec


def new_secret() -> str:
    """An unguessable code or token."""
    return secrets.token_urlsafe(32)


def digest(secret: str) -> str:
    """How a code or token is kept."""
    return hashlib.sha256(secret.encode()).hexdigest()


class Person(msgspec.Struct, kw_only=True):
    """Somebody who can sign in; `id` is the subject identifier."""

    id: str
    name: str
    email: str
    email_verified: bool


class Grant(msgspec.Struct, kw_only=True):
    """One sign-in: everything issued from it dies with it."""

    id: str
    sub: str
    scope: str
    nonce: str
    auth_time: int
    revoked: bool = False


class Code(msgspec.Struct, kw_only=True):
    """An authorization code, good once."""

    id: str
    grant: str
    redirect_uri: str
    challenge: str
    expires: float
    used: bool = False


class AccessToken(msgspec.Struct, kw_only=True):
    """A bearer token for userinfo."""

    id: str
    grant: str
    expires: float


class RefreshToken(msgspec.Struct, kw_only=True):
    """A refresh token, good once; a second use revokes its grant."""

    id: str
    grant: str
    used: bool = False


class SigningKey(msgspec.Struct, kw_only=True):
    """A private RSA key as JWK; the youngest signs, all are published."""

    id: str
    jwk: dict[str, str]


NAMED_PEOPLE = (
    Person(id="ada", name="Ada Marsh", email="ada@acme.example", email_verified=True),
    Person(id="ben", name="Ben Okafor", email="ben@acme.example", email_verified=True),
    # A subject identifier is ASCII (OpenID Connect Core, section 2): the accent lives in the name only.
    Person(id="chloe", name="Chloé 陈", email="chloe@lab.example", email_verified=True),
    Person(id="dana", name="Dana Reyes", email="dana@demo.example", email_verified=True),
    Person(id="eli", name="Eli Sørensen", email="eli@demo.example", email_verified=True),
    Person(id="farah", name="Farah Nasser", email="farah@demo.example", email_verified=True),
    Person(id="nils", name="Nils Berg", email="nils@new.example", email_verified=True),
    Person(id="olga", name="Olga Lind", email="olga@berth.example", email_verified=True),
    Person(id="otto", name="Otto Brandt", email="otto@berth.example", email_verified=True),
    Person(id="mallory", name="Mallory Quist", email="mallory@evil.example", email_verified=False),
)
