"""Refusals as a client of OAuth reads them: RFC 6749 §5.2 at the token endpoint, RFC 7009 §2.2.1 at revocation."""

from app.shared.errors.base import DomainError

PATHS = ("/oauth/token", "/oauth/revoke")
ASKED_WRONGLY = (403, 404, 406, 409, 415, 422)  # statuses that RFC 6749 does not know


def oauth_status(refusal: DomainError) -> int:
    """The true status, but 400 for every way to ask wrongly."""
    return 400 if refusal.status in ASKED_WRONGLY else refusal.status


def oauth_error(refusal: DomainError) -> dict[str, object]:
    """`error` and `error_description`, in the characters that they may have."""
    by_status = {401: "invalid_client", 429: "temporarily_unavailable", 503: "temporarily_unavailable"}
    name = refusal.oauth or by_status.get(
        refusal.status, "server_error" if refusal.status >= 500 else "invalid_request"
    )
    fields = refusal.details.get("fields")
    details = "; ".join(f"{name}: {fault}" for name, fault in fields.items()) if isinstance(fields, dict) else ""
    text = f"{refusal.message} {details}".strip()
    plain = "".join(letter if " " <= letter <= "~" and letter not in '"\\' else "?" for letter in text)
    return {"error": name, "error_description": plain[:400]}
