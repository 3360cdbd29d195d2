"""Errors of auth. A refused sign-in never says which part was wrong; the log and the audit log do (`Cause`)."""

from enum import StrEnum
from typing import ClassVar

from app.shared.audit.actions import AuditAction
from app.shared.errors import DomainError
from app.shared.errors.base import Evidence, RefusedAction

AGAIN = ("Sign in again", "/login")


class Cause(StrEnum):
    """Why a sign-in was refused: stable codes for operators. `docs/operations.md` says what to do."""

    ATTEMPT_UNKNOWN = "attempt_unknown"
    OTHER_BROWSER = "other_browser"
    ISSUER_MISSING = "issuer_missing"
    ISSUER_OTHER = "issuer_other"
    PROVIDER_REFUSED = "provider_refused"
    CODE_MISSING = "code_missing"
    PROVIDER_UNREACHABLE = "provider_unreachable"
    METADATA_UNUSABLE = "metadata_unusable"
    KEYS_UNUSABLE = "keys_unusable"
    CODE_REFUSED = "code_refused"
    CLIENT_REFUSED = "client_refused"
    TOKEN_MISSING = "token_missing"  # noqa: S105 - a code
    TOKEN_TOO_LARGE = "token_too_large"  # noqa: S105
    TOKEN_ENCRYPTED = "token_encrypted"  # noqa: S105
    TOKEN_UNREADABLE = "token_unreadable"  # noqa: S105
    ALGORITHM_REFUSED = "algorithm_refused"
    KEY_UNKNOWN = "key_unknown"
    SIGNATURE_WRONG = "signature_wrong"
    CLAIM_ISSUER = "claim_issuer"
    CLAIM_AUDIENCE = "claim_audience"
    CLAIM_NONCE = "claim_nonce"
    CLAIM_EXPIRED = "claim_expired"
    CLAIM_FUTURE = "claim_future"
    CLAIM_SUBJECT = "claim_subject"
    OTHER_PERSON = "other_person"
    ADDRESS_ELSEWHERE = "address_elsewhere"
    SUSPENDED = "suspended"


class SignInFailed(DomainError):
    """A refused sign-in, with its cause and evidence for the log and the audit log, and a link back. Evidence holds no
    token, code or secret."""

    code = "sign_in_failed"
    status = 400
    title = "Signing in failed."
    audited: ClassVar[RefusedAction] = (AuditAction.SESSION_SIGN_IN, "provider", "oidc")
    way_back = AGAIN

    def __init__(self, message: str | None = None, *, cause: Cause, **evidence: Evidence) -> None:
        super().__init__(message)
        self.cause = cause.value
        self.evidence = evidence


class SignInExpired(SignInFailed):
    code = "sign_in_expired"
    title = "This sign-in expired or was already used. Start again."


class AddressElsewhere(SignInFailed):
    code = "address_elsewhere"
    status = 409
    title = "Your address belongs to an account at another identity provider."


class IssuerUnavailable(SignInFailed):
    code = "issuer_unavailable"
    status = 503
    title = "The identity provider is not responding right now."
    retryable = True
    audited = None


class AccountSuspended(SignInFailed):
    code = "account_suspended"
    status = 403
    title = "This account is suspended."


class TokenInvalid(DomainError):
    code = "token_invalid"
    status = 401
    title = "This token is invalid or has expired."


class ClientRefused(DomainError):
    code = "token_client_refused"
    status = 401
    title = "These client credentials are not valid."
    audited = (AuditAction.TOKEN_ISSUE, "credential", "unknown")
    oauth = "invalid_client"


class NameTaken(DomainError):
    code = "name_taken"
    status = 409
    title = "That name is already in use."


class LastOwner(DomainError):
    code = "last_owner"
    status = 409
    title = "An organisation keeps at least one owner. Make somebody else an owner first."


class OwnersOnly(DomainError):
    code = "owners_only"
    status = 403
    title = "Only an owner may change the role of an owner."


class RoleAboveOwn(DomainError):
    code = "role_above_own"
    status = 403
    title = "You cannot give a role above your own."


class AlreadyMember(DomainError):
    code = "already_member"
    status = 409
    title = "This person is already in your organisation. Change their role on the Team page."


class InvitationClosed(DomainError):
    code = "invitation_closed"
    status = 409
    title = "This invitation is no longer open."


class EmailUnverified(DomainError):
    code = "email_unverified"
    status = 403
    title = "Your identity provider has not verified your e-mail address, so you cannot answer invitations to it yet."


class LimitReached(DomainError):
    code = "limit_reached"
    status = 409
    title = "You have reached a limit of your organisation."


class GrantRefused(DomainError):
    code = "token_grant_refused"
    status = 400
    title = "This code or refresh token is invalid or has expired. Sign in again."
    audited = (AuditAction.TOKEN_ISSUE, "session", "unknown")
    oauth = "invalid_grant"


class GrantUnknown(DomainError):
    code = "token_grant_type_unknown"
    status = 400
    title = "grant_type must be client_credentials, authorization_code or refresh_token."
    oauth = "unsupported_grant_type"


class ScopeUnknown(DomainError):
    code = "token_scope_unknown"
    status = 400
    title = "Scopes are not supported: a token has the rights of its account."
    oauth = "invalid_scope"


class TokenTypeUnknown(DomainError):
    code = "token_type_unknown"
    status = 400
    title = "Only refresh tokens can be revoked; an access token expires within minutes."
    oauth = "unsupported_token_type"


class AuthorizationRefused(DomainError):
    code = "authorization_request_refused"
    status = 400
    title = "This sign-in request is invalid. Nothing was granted."


class RightEnded(DomainError):
    """`why` is the code of the reason."""

    code = "right_ended"
    status = 403
    title = "This is no longer allowed."
