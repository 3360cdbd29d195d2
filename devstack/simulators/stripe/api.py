"""The HTTP API of the simulated Stripe under `/v1`: keys, versions, idempotency, routing, errors.

Owns what is the same for every call. What each call does is in `operations`.
"""

import asyncio
import base64
import hashlib
import hmac
import logging

import msgspec

from devstack.simulators.faults import seconds
from devstack.simulators.http import Request, Response, json_response
from devstack.simulators.stripe.account import Account
from devstack.simulators.stripe.errors import StripeError
from devstack.simulators.stripe.models import StoredAnswer, new_id
from devstack.simulators.stripe.operations import Call, perform
from devstack.simulators.stripe.params import parse
from devstack.simulators.stripe.render import API_VERSION

KEY_LIFETIME_SECONDS = 24 * 3600

logger = logging.getLogger(__name__)


class Api:
    """Answers API requests for one secret key."""

    def __init__(self, account: Account, secret_key: str) -> None:
        self._account = account
        self._secret_key = secret_key
        self._in_progress: set[str] = set()

    async def handle(self, request: Request) -> Response:
        """One API call, faults included."""
        request_id = new_id("req", 14)
        try:
            self._authenticate(request)
            response = await self._faulty(request, request_id)
        except StripeError as error:
            return self._error(error, request, request_id)
        late = request.method == "POST" and response.status < 300
        spec = self._account.faults.take("api_timeout_after_success", path=request.path) if late else None
        if spec is None:
            return response
        if not spec.get("close"):
            await asyncio.sleep(seconds(spec, 35.0))
        return Response(hang_up=True)

    async def _faulty(self, request: Request, request_id: str) -> Response:
        where = {"method": request.method, "path": request.path}
        if self._account.faults.take("api_error", **where) is not None:
            raise StripeError("An unknown error occurred", status=500, kind="api_error")
        if self._account.faults.take("api_rate_limited", **where) is not None:
            message = "Request rate limit exceeded."
            raise StripeError(message, status=429, code="rate_limit")
        if request.method == "POST" and "idempotency-key" in request.headers:
            return await self._once(request, request_id, request.headers["idempotency-key"])
        return await self._perform(request, request_id)

    def _authenticate(self, request: Request) -> None:
        scheme, _, credential = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() == "basic":
            try:
                credential = base64.b64decode(credential, validate=True).decode().partition(":")[0]
            except ValueError:
                credential = ""
        if scheme.lower() not in {"basic", "bearer"} or not credential:
            raise StripeError(
                "You did not provide an API key. You need to provide your API key in the Authorization header,"
                " using Bearer auth (e.g. 'Authorization: Bearer YOUR_SECRET_KEY').",
                status=401,
            )
        if not hmac.compare_digest(credential.encode(), self._secret_key.encode()):
            raise StripeError(f"Invalid API Key provided: {credential[:8]}****{credential[-4:]}", status=401)
        version = request.headers.get("stripe-version", API_VERSION)
        if version != API_VERSION:
            raise StripeError(f"Invalid Stripe API version: {version[:40]}. This simulator speaks {API_VERSION}.")

    async def _once(self, request: Request, request_id: str, key: str) -> Response:
        if not 1 <= len(key) <= 255:
            raise StripeError("Idempotency keys must be between 1 and 255 characters.", kind="idempotency_error")
        fingerprint = hashlib.sha256(request.path.encode() + b"\0" + request.body).hexdigest()
        known = self._account.store.find(StoredAnswer, key)
        if known is not None and known.created + KEY_LIFETIME_SECONDS > self._account.now():
            if known.fingerprint != fingerprint:
                raise StripeError(
                    "Keys for idempotent requests can only be used with the same parameters they were first used with."
                    f" Try using a key other than '{key}' if you meant to execute a different request.",
                    kind="idempotency_error",
                )
            headers = self._headers(request, request_id, known.request_id)
            return Response(known.status, known.body, "application/json", headers)
        if key in self._in_progress:
            raise StripeError(
                f"There is currently another in-progress request using this Idempotent Key ('{key}')."
                " Please try again later.",
                status=409,
                kind="idempotency_error",
                code="idempotency_key_in_use",
            )
        self._in_progress.add(key)
        try:
            response = await self._perform(request, request_id)
        finally:
            self._in_progress.discard(key)
        answer = StoredAnswer(
            id=key,
            created=self._account.now(),
            fingerprint=fingerprint,
            request_id=request_id,
            status=response.status,
            body=response.body,
        )
        self._account.store.put(key, answer)
        return response

    async def _perform(self, request: Request, request_id: str) -> Response:
        slow = self._account.faults.take("api_slow", method=request.method, path=request.path)
        if slow is not None:
            await asyncio.sleep(seconds(slow, 1.0))
        pairs = request.form_pairs if request.method == "POST" else list(request.query.items())
        call = Call(
            request.method, request.segments[1:], parse(pairs), request_id, request.headers.get("idempotency-key")
        )
        try:
            return json_response(perform(self._account, call), headers=self._headers(request, request_id))
        except StripeError:
            raise
        except Exception:
            logger.exception("%s %s failed", request.method, request.path)
            raise StripeError("The simulator has a bug; see its log.", status=500, kind="api_error") from None

    def _headers(self, request: Request, request_id: str, original: str | None = None) -> tuple[tuple[str, str], ...]:
        headers = [("request-id", request_id), ("stripe-version", API_VERSION)]
        key = request.headers.get("idempotency-key", "")
        if request.method == "POST" and key.isprintable() and 1 <= len(key) <= 255:
            headers += [("idempotency-key", key), ("original-request", original or request_id)]
        if original is not None:
            headers.append(("idempotent-replayed", "true"))
        return tuple(headers)

    def _error(self, error: StripeError, request: Request, request_id: str) -> Response:
        headers = [("request-id", request_id), ("stripe-version", API_VERSION)]
        if error.status in {409, 429, 500}:
            headers.append(("stripe-should-retry", "true" if error.status != 500 else "false"))
        logger.info("%s %s -> %d %s", request.method, request.path, error.status, error.code or error.kind)
        return Response(error.status, msgspec.json.encode(error.body()), "application/json", tuple(headers))
