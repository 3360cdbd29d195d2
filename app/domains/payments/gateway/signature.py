"""Verifies the signature of a webhook."""

from app.domains.payments.errors import BadSignature
from app.shared.clock import process_now

TOLERANCE_SECONDS = 300


def verify_signature(body: bytes, header: str | None, secrets: list[str]) -> None:
    """Raises BadSignature unless one of the secrets signed exactly this body in the last five minutes."""
    import stripe

    for secret in secrets:
        try:
            stripe.WebhookSignature.verify_header(body, header, secret, TOLERANCE_SECONDS)
        except (stripe.SignatureVerificationError, ValueError, TypeError):
            continue
        if not _is_ahead(header or ""):
            return
    raise BadSignature()


def _is_ahead(header: str) -> bool:
    stamps = [part[2:] for part in header.split(",") if part.startswith("t=")]
    return not stamps or int(stamps[0]) > process_now().timestamp() + TOLERANCE_SECONDS
