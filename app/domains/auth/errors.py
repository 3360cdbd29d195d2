"""Refusals of sign-in, sessions and tokens. They never say which part was wrong."""

from app.shared.errors import DomainError


class SignInFailed(DomainError):
    code = "sign_in_failed"
    status = 400
    title = "Signing in did not work."


class SignInExpired(DomainError):
    code = "sign_in_expired"
    status = 400
    title = "This sign-in took too long or was already used. Start again."


class IssuerUnavailable(DomainError):
    code = "issuer_unavailable"
    status = 503
    title = "The identity provider does not answer right now."
    retryable = True


class AccountSuspended(DomainError):
    code = "account_suspended"
    status = 403
    title = "This account is suspended."


class TokenInvalid(DomainError):
    code = "token_invalid"
    status = 401
    title = "This token is not valid (any more)."


class ClientRefused(DomainError):
    code = "token_client_refused"
    status = 401
    title = "These client credentials are not valid."


class NameTaken(DomainError):
    code = "name_taken"
    status = 409
    title = "That name is in use already."
