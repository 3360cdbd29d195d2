"""Hashing, random secrets, envelopes: thin wrappers over `hashlib`, `secrets`, `cryptography`; nothing homemade."""

import base64
import hashlib
import hmac
import secrets

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

TOKEN_BYTES = 32


def new_secret() -> str:
    """256 random bits, base64url without padding."""
    return secrets.token_urlsafe(TOKEN_BYTES)


def digest(secret: str) -> bytes:
    """SHA-256 of a high-entropy secret, for look-up by equality. Not for passwords: we have none."""
    return hashlib.sha256(secret.encode()).digest()


def derived_secret(secret_key: str, purpose: str, seed: str) -> str:
    """256 bits that only we can compute from `seed`, base64url without padding: a secret that can be given once more
    and is kept nowhere."""
    value = hmac.new(_key(secret_key, purpose), seed.encode(), hashlib.sha256).digest()
    return base64.urlsafe_b64encode(value).rstrip(b"=").decode()


def same(left: bytes, right: bytes) -> bool:
    """Constant-time comparison."""
    return hmac.compare_digest(left, right)


def authenticate(secret_key: str, plain: bytes, purpose: str) -> bytes:
    """32 bytes that only who has the key could make of `plain` for `purpose` (HMAC-SHA-256)."""
    return hmac.new(_key(secret_key, purpose), plain, hashlib.sha256).digest()


def wrap(secret_key: str, plain: bytes, purpose: str) -> bytes:
    """Encrypt with AES-256-GCM under a key derived for `purpose`; the nonce stands in front."""
    nonce = secrets.token_bytes(12)
    return nonce + AESGCM(_key(secret_key, purpose)).encrypt(nonce, plain, purpose.encode())


def unwrap(secret_key: str, wrapped: bytes, purpose: str) -> bytes:
    """The reverse of `wrap`. Raises cryptography's InvalidTag when anything was changed."""
    return AESGCM(_key(secret_key, purpose)).decrypt(wrapped[:12], wrapped[12:], purpose.encode())


def _key(secret_key: str, purpose: str) -> bytes:
    return hmac.new(bytes.fromhex(secret_key), b"berth:" + purpose.encode(), hashlib.sha256).digest()
