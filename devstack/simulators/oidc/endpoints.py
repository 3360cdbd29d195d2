"""The provider over HTTP: authorization, token, userinfo, revocation, end of session, discovery.

Owns reading requests and shaping answers. An unknown client or address is shown on a page, never redirected to.
"""

import base64
import hmac
import re
from urllib.parse import parse_qsl, unquote_plus, urlencode, urlsplit

from devstack.simulators.http import Request, Response, html_response, json_response, redirect
from devstack.simulators.oidc import pages
from devstack.simulators.oidc.models import Person
from devstack.simulators.oidc.provider import OAuthError, Provider

SCOPES = ("openid", "profile", "email", "offline_access")
NO_STORE = (("cache-control", "no-store"), ("pragma", "no-cache"))


def discovery(provider: Provider) -> Response:
    """`/.well-known/openid-configuration`."""
    issuer = provider.issuer
    return json_response(
        {
            "issuer": issuer,
            "authorization_endpoint": f"{issuer}/authorize",
            "token_endpoint": f"{issuer}/token",
            "userinfo_endpoint": f"{issuer}/userinfo",
            "jwks_uri": f"{issuer}/jwks",
            "revocation_endpoint": f"{issuer}/revoke",
            "end_session_endpoint": f"{issuer}/end_session",
            "response_types_supported": ["code"],
            "response_modes_supported": ["query"],
            "grant_types_supported": ["authorization_code", "refresh_token"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["RS256"],
            "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post"],
            "revocation_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post"],
            "code_challenge_methods_supported": ["S256"],
            "authorization_response_iss_parameter_supported": True,
            "scopes_supported": list(SCOPES),
            "claims_supported": [
                "iss", "sub", "aud", "exp", "iat", "nonce", "auth_time", "sid", "name", "email", "email_verified",
            ],
            "prompt_values_supported": ["none", "login", "consent", "select_account"],
            "request_parameter_supported": False,
            "request_uri_parameter_supported": False,
        }
    )  # fmt: skip


def authorize(provider: Provider, request: Request) -> Response:
    """`/authorize`: GET shows who can sign in, POST (to the same address) signs somebody in."""
    pairs = parse_qsl(request.query_string, keep_blank_values=True)
    query = dict(pairs)
    redirect_uri = query.get("redirect_uri", "")
    if query.get("client_id") != provider.client.id:
        return _page(pages.message("This sign-in link does not work", "The application is not known here."), 400)
    if redirect_uri not in provider.client.redirect_uris:
        return _page(pages.message("This sign-in link does not work", "The return address is not registered."), 400)
    back = {"state": query["state"]} if "state" in query else {}
    try:
        _check(pairs, query)
        if request.method == "GET":
            text = pages.sign_in(request.query_string, query.get("login_hint", ""), None)
            return _page(text, 200, _origin(redirect_uri))
        person = _who(provider, request.form)
    except OAuthError as error:
        return _back(provider, redirect_uri, {"error": error.code, "error_description": error.description, **back})
    if person is None:
        problem = "Enter a name and an e-mail address."
        return _page(pages.sign_in(request.query_string, "", problem), 422, _origin(redirect_uri))
    scope = " ".join(name for name in SCOPES if name in query["scope"].split())
    code = provider.authorize(person, redirect_uri, scope, query["nonce"], query["code_challenge"])
    return _back(provider, redirect_uri, {"code": code, **back})


def token(provider: Provider, request: Request) -> Response:
    """`/token`."""
    try:
        form = _authenticated(provider, request)
        match form.get("grant_type"):
            case "authorization_code":
                code, address = _need(form, "code"), _need(form, "redirect_uri")
                answer = provider.exchange_code(code, address, _need(form, "code_verifier"))
            case "refresh_token":
                answer = provider.refresh(_need(form, "refresh_token"))
            case _:
                raise OAuthError("unsupported_grant_type", "authorization_code or refresh_token")
    except OAuthError as error:
        return _refusal(error)
    return json_response(answer, headers=NO_STORE)


def revoke(provider: Provider, request: Request) -> Response:
    """`/revoke` (RFC 7009)."""
    try:
        provider.revoke(_need(_authenticated(provider, request), "token"))
    except OAuthError as error:
        return _refusal(error)
    return Response(200, headers=NO_STORE)


def userinfo(provider: Provider, request: Request) -> Response:
    """`/userinfo`, bearer token in the Authorization header only."""
    scheme, _, bearer = request.headers.get("authorization", "").partition(" ")
    try:
        if scheme.lower() != "bearer" or not bearer:
            return Response(401, headers=(("www-authenticate", "Bearer"), *NO_STORE))
        return json_response(provider.userinfo(bearer), headers=NO_STORE)
    except OAuthError as error:
        challenge = f'Bearer error="{error.code}", error_description="{error.description}"'
        return json_response({"error": error.code}, 401, (("www-authenticate", challenge), *NO_STORE))


def end_session(provider: Provider, request: Request) -> Response:
    """`/end_session` (RP-initiated logout). Only a registered address is redirected to: for an ID token of ours at
    once, for a client without one when the person has said yes."""
    asked = {**request.query, **request.form}
    known = "id_token_hint" in asked and provider.end_session(asked["id_token_hint"])
    address = asked.get("post_logout_redirect_uri")
    if not known and asked.get("client_id") == provider.client.id and "id_token_hint" not in asked:
        if request.method == "GET" and address in provider.client.post_logout_redirect_uris:
            return _page(pages.sign_out(request.query_string), 200, _origin(address))
        known = True
    if address is None or not known:
        return _page(pages.message("You are signed out", "This window can be closed."), 200)
    if address not in provider.client.post_logout_redirect_uris:
        return _page(pages.message("You are signed out", "The return address is not registered."), 400)
    state = {"state": asked["state"]} if "state" in asked else {}
    return redirect(_with_query(address, state))


def _check(pairs: list[tuple[str, str]], query: dict[str, str]) -> None:
    """Raises OAuthError on an authorization request that is not code + PKCE S256 with state and nonce."""
    if len(pairs) != len(query):
        raise OAuthError("invalid_request", "a parameter is there twice")
    if "request" in query:
        raise OAuthError("request_not_supported", "request objects are not supported")
    if "request_uri" in query:
        raise OAuthError("request_uri_not_supported", "request objects are not supported")
    if query.get("response_type") != "code":
        raise OAuthError("unsupported_response_type", "response_type must be code")
    if query.get("response_mode", "query") != "query":
        raise OAuthError("invalid_request", "response_mode must be query")
    if "openid" not in query.get("scope", "").split():
        raise OAuthError("invalid_scope", "scope must contain openid")
    for name in ("state", "nonce"):
        if not query.get(name):
            raise OAuthError("invalid_request", f"{name} is required")
    if query.get("code_challenge_method") != "S256":
        raise OAuthError("invalid_request", "code_challenge_method must be S256")
    if not re.fullmatch(r"[A-Za-z0-9_-]{43}", query.get("code_challenge", "")):
        raise OAuthError("invalid_request", "code_challenge must be 43 characters of base64url")
    if "none" in query.get("prompt", "").split():
        raise OAuthError("login_required", "nobody is signed in here")


def _who(provider: Provider, form: dict[str, str]) -> Person | None:
    if form.get("answer") == "cancel":
        raise OAuthError("access_denied", "the sign-in was cancelled")
    if "sub" in form:
        return provider.person(form["sub"])
    name, email = form.get("name", "").strip(), form.get("email", "").strip()
    if not name or not re.fullmatch(r"[^@\s]+@[^@\s]+", email):
        return None
    return provider.meet(name, email, verified="unverified" not in form)


def _authenticated(provider: Provider, request: Request) -> dict[str, str]:
    """The form of an authenticated client. Raises OAuthError."""
    pairs, form = request.form_pairs, request.form
    if request.method != "POST" or len(pairs) != len(form):
        raise OAuthError("invalid_request", "one POST with each parameter once")
    header = request.headers.get("authorization")
    if header is not None and "client_secret" in form:
        raise OAuthError("invalid_request", "one way of client authentication only")
    offered = [(form.get("client_id", ""), form.get("client_secret", ""))]
    if header is not None:
        name, secret = _basic(header)
        # RFC 6749 form-encodes both before base64; many clients (Authlib among them) do not. Either is taken.
        offered = [(name, secret), (unquote_plus(name), unquote_plus(secret))]
    if not any(_is_client(provider, name, secret) for name, secret in offered):
        raise OAuthError("invalid_client", "client authentication failed", 401)
    return form


def _basic(header: str) -> tuple[str, str]:
    scheme, _, value = header.partition(" ")
    try:
        name, _, secret = base64.b64decode(value, validate=True).decode().partition(":")
    except ValueError:
        name = secret = ""
    return (name, secret) if scheme.lower() == "basic" else ("", "")


def _is_client(provider: Provider, name: str, secret: str) -> bool:
    right_name = hmac.compare_digest(name.encode(), provider.client.id.encode())
    return hmac.compare_digest(secret.encode(), provider.client.secret.encode()) and right_name


def _need(form: dict[str, str], name: str) -> str:
    if not form.get(name):
        raise OAuthError("invalid_request", f"{name} is required")
    return form[name]


def _refusal(error: OAuthError) -> Response:
    challenge = (("www-authenticate", 'Basic realm="token"'),) if error.status == 401 else ()
    body = {"error": error.code, "error_description": error.description}
    return json_response(body, error.status, NO_STORE + challenge)


def _back(provider: Provider, redirect_uri: str, answer: dict[str, str]) -> Response:
    return redirect(_with_query(redirect_uri, {**answer, "iss": provider.issuer}))


def _with_query(address: str, more: dict[str, str]) -> str:
    if not more:
        return address
    return address + ("&" if urlsplit(address).query else "?") + urlencode(more)


def _origin(address: str) -> str:
    parts = urlsplit(address)
    return f"{parts.scheme}://{parts.netloc}"


def _page(text: str, status: int, form_target: str = "") -> Response:
    policy = (
        "default-src 'none'; style-src 'self'; img-src data:; base-uri 'none'; frame-ancestors 'none';"
        f" form-action 'self' {form_target}".rstrip()
    )
    headers = (
        ("content-security-policy", policy),
        ("referrer-policy", "no-referrer"),
        ("x-content-type-options", "nosniff"),
    )
    return html_response(text, status, headers)
