"""Every answer that an operation can give: from how its route is declared (permission, rate, key, body) and from the
errors that its code can raise.

The refusals are the same everywhere, so they stand once among the components, one for each status, and a route names
those that can meet it. `default` stays for what no route decides, such as an error of a proxy in between.
"""

from typing import Any

from litestar.handlers import HTTPRouteHandler
from litestar.response import Stream

from app.web.etag import tagged
from app.web.kept import KEPT
from app.web.media import TABLES
from app.web.openapi.raised import reached

Schema = dict[str, Any]
UNSAFE = frozenset({"post", "put", "patch", "delete"})
TEXT: Schema = {"type": "string"}
DETAILS: Schema = {
    "title": "ErrorDetails",
    "type": "object",
    "description": "named fields of the refusal",
    "properties": {
        "fields": {
            "title": "ErrorFields",
            "type": "object",
            "description": "each fault under the name of its field, parameter or header",
            "additionalProperties": TEXT,
        }
    },
}
REFUSAL: Schema = {
    "title": "ErrorContent",
    "type": "object",
    "required": ["code", "message", "details", "correlation_id", "retryable"],
    "properties": {
        "code": {"type": "string", "description": "one of the catalogue; rely on it"},
        "message": {"type": "string", "description": "for people; may change"},
        "details": {"$ref": "#/components/schemas/ErrorDetails"},
        "correlation_id": {"type": "string", "description": "name it when you ask for help"},
        "retryable": {"type": "boolean", "description": "whether the same request may succeed later"},
    },
}
ERROR: Schema = {
    "title": "Error",
    "type": "object",
    "required": ["error"],
    "properties": {"error": {"$ref": "#/components/schemas/ErrorContent"}},
}
OAUTH_ERROR: Schema = {
    "title": "OAuthError",
    "type": "object",
    "description": "RFC 6749 §5.2",
    "required": ["error", "error_description"],
    "properties": {"error": TEXT, "error_description": {"type": "string", "description": "for people"}},
}
SCHEMAS: Schema = {"Error": ERROR, "ErrorContent": REFUSAL, "ErrorDetails": DETAILS, "OAuthError": OAUTH_ERROR}
WORDS = {
    "400": "it could not be read, or lacks its `X-Idempotency-Key`",
    "401": "nobody is signed in, or the token is not valid (RFC 6750 §3)",
    "402": "there is not enough credit",
    "403": "the caller may not do this",
    "404": "what it names is not there, or not for the caller",
    "406": "no kind of content that `Accept` allows is one of this address",
    "408": "the body took too long to arrive",
    "409": "what it names is not in a state for this, or a request with this key is still under way",
    "412": "what it names is no longer that of `If-Match`",
    "413": "the body is larger than this address takes",
    "415": "the body is of a kind that this address does not read",
    "422": "`details.fields` names each fault",
    "429": "too many requests; again after `Retry-After` seconds",
    "431": "the head is larger than we take",
    "502": "a service behind us refused",
    "503": "a part that we depend on does not answer; again after `Retry-After` seconds",
}
SECONDS: Schema = {"type": "integer", "minimum": 0}
HEADERS: dict[str, dict[str, Schema]] = {
    "401": {"WWW-Authenticate": TEXT},
    "415": {"Accept": TEXT},
    "429": {"Retry-After": SECONDS, "RateLimit": TEXT, "RateLimit-Policy": TEXT},
    "503": {"Retry-After": SECONDS},
}
ANYWHERE = {"400", "401", "406", "415", "422", "431", "503"}
OAUTH = frozenset({"400", "401", "406", "408", "413", "415", "422", "429", "431", "503"})


def refusals(operation: Schema, handler: HTTPRouteHandler, method: str) -> set[str]:
    """The statuses with which a request of this operation can be refused."""
    changes, parameters = method in UNSAFE, operation.get("parameters", ())
    found = ANYWHERE | {str(error.status) for error in reached(handler.fn).errors} & WORDS.keys()
    if handler.opt.get("permission") is not None:
        found.add("403")
    if handler.opt.get("rate") is not None and (changes or handler.opt.get("permission") is None):
        found.add("429")
    if any(parameter["in"] == "path" for parameter in parameters):
        found.add("404")
    if changes:
        found |= {"408", "413"}
    if changes and handler.opt.get("idempotent"):
        found.add("409")
    if not any(parameter["name"].lower() == "if-match" for parameter in parameters):
        found.discard("412")
    return found


def answers(operation: Schema, handler: HTTPRouteHandler, method: str, *, is_oauth: bool) -> Schema:
    """The finished `responses` of an operation."""
    declared = {str(code) for code in handler.responses or ()}
    found: Schema = {
        code: _success(answer, given=code in declared)
        for code, answer in operation["responses"].items()
        if code in declared or not code.startswith(("4", "5"))
    }
    returned = handler.parsed_fn_signature.return_type
    if returned.is_subclass_of(Stream):
        _tables(found, whole="requestBody" in operation)
    if method == "get" and (KEPT in handler.opt or tagged in reached(handler.fn).functions):
        found["304"] = {"description": "still that of `If-None-Match`; no body"}
    for code in sorted((OAUTH if is_oauth else refusals(operation, handler, method)) - found.keys()):
        found[code] = {"$ref": f"#/components/responses/{name_of(code, is_oauth=is_oauth)}"}
    return found | {"default": _refusal("refused; `error.code` says why", {}, is_oauth=is_oauth)}


def _success(answer: Schema, *, given: bool) -> Schema:
    """An answer of success; `given` when the route describes it by itself."""
    kept = {name: value for name, value in answer.items() if name != "headers"}
    return kept if given else kept | {"description": "done" if "content" in answer else "done; no body"}


def _tables(found: Schema, *, whole: bool) -> None:
    """A file that is sent while it is read: a table, or a JSON document a line when the request asks for it."""
    for answer in found.values():
        answer["content"] = {kind: {"schema": TEXT} for kind in (TABLES if whole else TABLES[:1])}


def name_of(code: str, *, is_oauth: bool) -> str:
    """The component of a refusal."""
    return f"{'OAuthRefused' if is_oauth else 'Refused'}{code}"


def components() -> Schema:
    """All refusals, once."""
    both = ((code, is_oauth) for is_oauth in (False, True) for code in WORDS)
    return {
        name_of(code, is_oauth=is_oauth): _refusal(WORDS[code], HEADERS.get(code, {}), is_oauth=is_oauth)
        for code, is_oauth in both
        if not is_oauth or code in OAUTH
    }


def _refusal(words: str, headers: dict[str, Schema], *, is_oauth: bool) -> Schema:
    schema = {"$ref": f"#/components/schemas/{'OAuthError' if is_oauth else 'Error'}"}
    made: Schema = {"description": words, "content": {"application/json": {"schema": schema}}}
    return made | ({"headers": {name: {"schema": schema} for name, schema in headers.items()}} if headers else {})
