"""Verifies the signature of an ID token (RFC 7515, RFC 8725): asymmetric algorithms and keys of the issuer only.

The list of allowed algorithms is ours, not the provider's.
"""

import msgspec
from joserfc import jws, jwt
from joserfc.errors import InvalidPayloadError, JoseError
from joserfc.jws import JWSAlgModel  # type: ignore[attr-defined]  # the type of what the registry holds
from joserfc.registry import Header

from app.domains.auth.errors import Cause, SignInFailed
from app.domains.auth.gateway.keys import ALGORITHMS, Keys
from app.domains.auth.rules.claims import Claims, identifier_of

MAX_TOKEN = 1_000_000  # an ID token with the groups of a large company is some 100 kB


class _Registry(jws.JWSRegistry):
    """Accepts headers of any length and name, as RFC 7515 allows. `read_header` has refused critical ones."""

    max_header_length = MAX_TOKEN
    max_payload_length = MAX_TOKEN
    max_signature_length = 8_192

    def check_header(self, header: Header) -> None:
        """Ignores header fields that do not concern the key."""

    def get_alg(self, name: str) -> JWSAlgModel:
        return self.algorithms[name]  # from ALGORITHMS; the library warns of EdDSA, which RFC 9864 renamed


REGISTRY = _Registry()


class Unverified(msgspec.Struct, frozen=True, kw_only=True):
    """The unverified header of a token."""

    algorithm: str
    kid: str


def read_header(token: object) -> Unverified:
    """Parse a token's header. Raises SignInFailed when it is not a signed token of an allowed algorithm."""
    if not isinstance(token, str) or not token:
        raise SignInFailed(cause=Cause.TOKEN_MISSING)
    if len(token) > MAX_TOKEN:
        raise SignInFailed(cause=Cause.TOKEN_TOO_LARGE, length=len(token))
    if token.count(".") == 4:
        raise SignInFailed(cause=Cause.TOKEN_ENCRYPTED)
    try:
        header = jws.extract_compact(token.encode(), registry=REGISTRY).headers()
    except (JoseError, ValueError, RecursionError) as error:
        raise SignInFailed(cause=Cause.TOKEN_UNREADABLE) from error
    if "crit" in header or "b64" in header:
        raise SignInFailed(cause=Cause.TOKEN_UNREADABLE, problem="a critical header")
    algorithm = header.get("alg")
    if not isinstance(algorithm, str) or algorithm not in ALGORITHMS:
        raise SignInFailed(cause=Cause.ALGORITHM_REFUSED, algorithm=str(algorithm)[:40])
    return Unverified(algorithm=algorithm, kid=identifier_of(header.get("kid")))


def verified_claims(token: str, header: Unverified, keys: Keys) -> Claims:
    """The verified claims. Raises SignInFailed; KEY_UNKNOWN and SIGNATURE_WRONG may succeed with newer keys."""
    candidates = keys.candidates(header.kid, header.algorithm)
    if not candidates:
        raise SignInFailed(
            cause=Cause.KEY_UNKNOWN, algorithm=header.algorithm, keys=len(keys.usable), passed_over=keys.passed_over
        )
    for candidate in candidates:
        try:
            return dict(jwt.decode(token, candidate.key, registry=REGISTRY).claims)
        except (InvalidPayloadError, RecursionError) as error:
            raise SignInFailed(cause=Cause.TOKEN_UNREADABLE) from error
        except (JoseError, ValueError):
            continue
    raise SignInFailed(cause=Cause.SIGNATURE_WRONG, algorithm=header.algorithm, keys=len(candidates))
