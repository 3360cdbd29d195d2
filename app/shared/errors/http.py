"""Refusals of HTTP itself (RFC 9110 §15.5): a method, a media type, a size or a time that an address does not take."""

from app.shared.errors.base import DomainError


class BadRequest(DomainError):
    code = "bad_request"
    status = 400
    title = "This is not a request that could be read."


class MethodNotAllowed(DomainError):
    code = "method_not_allowed"
    status = 405
    title = "This address does not take that kind of request."


class NotAcceptable(DomainError):
    code = "not_acceptable"
    status = 406
    title = "The answer of this address is of none of the kinds that the request accepts."


class RequestTimedOut(DomainError):
    code = "request_timeout"
    status = 408
    title = "The request took too long to arrive."
    retryable = True


class RequestTooLarge(DomainError):
    code = "request_too_large"
    status = 413
    title = "That is more than this address takes."


class UnsupportedMediaType(DomainError):
    code = "unsupported_media_type"
    status = 415
    title = "This address does not read a body of that kind."


class UpgradeRequired(DomainError):
    code = "upgrade_required"
    status = 426
    title = "This address is for WebSockets."


class HeadTooLarge(DomainError):
    code = "head_too_large"
    status = 431
    title = "The headers of this request are more than we take."


class ClientLeft(DomainError):
    """The body ended before its announced end. Nobody reads this answer; it only has to end the request quietly."""

    code = "client_left"
    status = 400
    title = "The connection was closed before the whole request had arrived."
