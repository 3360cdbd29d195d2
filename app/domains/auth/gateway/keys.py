"""A provider's key set (RFC 7517). An unusable key is skipped and does not affect the others.

Only the members that define a key are read. Symmetric keys are never accepted, because the set is public.
"""

from base64 import urlsafe_b64decode

import msgspec
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, Key, OKPKey, RSAKey

from app.domains.auth.rules.claims import identifier_of, texts_of

MIN_RSA, MAX_RSA = 2_048, 16_384  # bits
MAX_KEYS = 2_000
PARTS: dict[str, tuple[type[RSAKey] | type[ECKey] | type[OKPKey], tuple[str, ...]]] = {
    "RSA": (RSAKey, ("n", "e")),
    "EC": (ECKey, ("crv", "x", "y")),
    "OKP": (OKPKey, ("crv", "x")),
}
ALGORITHMS: dict[str, tuple[str, str | None]] = {
    "RS256": ("RSA", None), "RS384": ("RSA", None), "RS512": ("RSA", None),
    "PS256": ("RSA", None), "PS384": ("RSA", None), "PS512": ("RSA", None),
    "ES256": ("EC", "P-256"), "ES384": ("EC", "P-384"), "ES512": ("EC", "P-521"),
    "EdDSA": ("OKP", None), "Ed25519": ("OKP", "Ed25519"), "Ed448": ("OKP", "Ed448"),
}  # fmt: skip
SIGNING_CURVES = frozenset({"P-256", "P-384", "P-521", "Ed25519", "Ed448"})


class PublicKey(msgspec.Struct, frozen=True, kw_only=True):
    """`kid` and `algorithm` are empty when the key does not state them."""

    kid: str
    kind: str
    curve: str
    algorithm: str
    key: Key

    def fits(self, algorithm: str) -> bool:
        """Whether the key may verify a signature of this algorithm."""
        kind, curve = ALGORITHMS[algorithm]
        return self.kind == kind and curve in (None, self.curve) and self.algorithm in ("", algorithm, *self._older())

    def _older(self) -> tuple[str, ...]:
        """RFC 9864 gave `EdDSA` its curve in the name; providers mix the two."""
        return ("EdDSA", self.curve) if self.kind == "OKP" else ()


class Keys(msgspec.Struct, frozen=True, kw_only=True):
    """`passed_over` is the number of keys that were skipped."""

    usable: tuple[PublicKey, ...]
    passed_over: int

    def candidates(self, kid: str, algorithm: str) -> list[PublicKey]:
        """Keys that may have signed a token: those with its key id, otherwise those without an id; all
        fitting keys when the token has no key id."""
        fitting = [key for key in self.usable if key.fits(algorithm)]
        if not kid:
            return fitting
        return [key for key in fitting if key.kid == kid] or [key for key in fitting if not key.kid]


def read_keys(document: object) -> Keys:
    """Parse a key set; anything else counts as an empty one."""
    records = document.get("keys") if isinstance(document, dict) else None
    records = records[:MAX_KEYS] if isinstance(records, list) else []
    items = [_read(record) for record in records]
    usable = tuple(key for key in items if key is not None)
    return Keys(usable=usable, passed_over=len(records) - len(usable))


def _read(record: object) -> PublicKey | None:
    """The key, or None when it cannot be used."""
    if not isinstance(record, dict) or record.get("use") not in (None, "sig"):
        return None
    operations = texts_of(record.get("key_ops"))
    kind = record.get("kty")
    if (operations and "verify" not in operations) or not isinstance(kind, str) or kind not in PARTS:
        return None
    family, names = PARTS[kind]
    curve, algorithm = record.get("crv", ""), record.get("alg") or ""
    if (kind != "RSA" and curve not in SIGNING_CURVES) or not isinstance(algorithm, str):
        return None
    try:
        if kind == "RSA" and not MIN_RSA <= _bits(str(record["n"])) <= MAX_RSA:
            return None
        key = family.import_key({"kty": kind, **{name: str(record[name]) for name in names}})
    except (JoseError, KeyError, ValueError, TypeError, ArithmeticError):
        return None
    return PublicKey(kid=identifier_of(record.get("kid")), kind=kind, curve=str(curve), algorithm=algorithm, key=key)


def _bits(modulus: str) -> int:
    return int.from_bytes(urlsafe_b64decode(modulus + "=" * (-len(modulus) % 4))).bit_length()
