"""A customer's program in front of a portal that keeps dying: it repeats itself with the same key, as clients should.

Whatever it is answered besides success and an honest "try again" (503 with Retry-After, or no connection) is a finding.
"""

import asyncio
import re
import ssl
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import httpx2

from tests.faults.stack import Stack, until

CREDIT_MICRO = 5_000_000_000
PATIENCE_S = 60.0
CARD = {"card_number": "4242 4242 4242 4242", "expiry": "12 / 34", "cvc": "123", "name": "Devon Reyes"}
TOKEN_FIELD = re.compile(r'name="_csrf_token" value="([^"]+)"')


@dataclass
class Customer:
    """One organisation: its owner's browser session, and a service account's bearer token."""

    stack: Stack
    browser: httpx2.AsyncClient
    program: httpx2.AsyncClient
    odd: list[str] = field(default_factory=list)  # answers that nobody should get
    slowest: float = 0.0

    async def call(self, method: str, path: str, body: object = None, *, key: str = "") -> Any:
        """The body of the first success of a request of the program, repeated with one key until then."""
        headers = {"x-idempotency-key": key or uuid4().hex} if method != "GET" else {}
        deadline = time.monotonic() + PATIENCE_S
        while True:
            began = time.monotonic()
            try:
                answer = await self.program.request(method, path, json=body, headers=headers)
            except httpx2.TransportError:
                answer = None  # nobody listens, or it died over our request
            took = time.monotonic() - began
            self.slowest = max(self.slowest, took)
            if answer is not None and answer.is_success:
                return answer.json()
            if answer is not None and not is_honest(answer):
                self.odd.append(f"{method} {path}: {answer.status_code} {answer.text[:300]}")
                if answer.status_code < 500:
                    raise AssertionError(self.odd[-1])
            if time.monotonic() > deadline:
                raise AssertionError(f"{method} {path} did not succeed within {PATIENCE_S:g} s")
            await asyncio.sleep(0.1)

    async def launch(self, sku: str, name: str, gpus: int | None = None, key: str = "") -> str:
        """The id of a new allocation."""
        body = {"sku": sku, "image": "ubuntu/noble", "gpus": gpus, "name": name}
        return str((await self.call("POST", "/api/v1/allocations", body, key=key))["allocation_id"])

    async def get(self, allocation_id: str) -> dict[str, Any]:
        """The allocation as its owner sees it."""
        found: dict[str, Any] = await self.call("GET", f"/api/v1/allocations/{allocation_id}")
        return found

    async def release(self, allocation_id: str) -> None:
        """Give it back."""
        await self.call("POST", f"/api/v1/allocations/{allocation_id}/release")

    async def balance(self) -> dict[str, Any]:
        """Available, held, burn."""
        answer = await self.browser.get("/api/v1/billing/balance")
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found


def is_honest(answer: httpx2.Response) -> bool:
    """An answer that says to come back, and when."""
    return answer.status_code == 503 and answer.headers.get("retry-after", "").isdigit()


@asynccontextmanager
async def new_customer(stack: Stack) -> AsyncIterator[Customer]:
    """Signed in, with credit that was paid at the Checkout page, and with a token for its program."""
    url = stack.url
    options: dict[str, Any] = {"trust_env": False, "timeout": 20, "verify": ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)}
    async with (
        httpx2.AsyncClient(
            base_url=url, headers={"origin": url, "sec-fetch-site": "same-origin"}, **options
        ) as browser,
        httpx2.AsyncClient(base_url=url, **options) as program,
    ):
        await _sign_in(browser)
        program.headers["authorization"] = f"Bearer {await _token(browser)}"
        customer = Customer(stack, browser, program)
        await _pay(browser)
        yield customer


async def _sign_in(browser: httpx2.AsyncClient) -> None:
    token = _token_of(await browser.get("/login"))
    form = {"person": "dev", "next": "/billing", "_csrf_token": token, "_idempotency_key": uuid4().hex}
    answer = await browser.post("/auth/internal", data=form)
    assert answer.status_code == 303, answer.text
    browser.headers["x-csrftoken"] = _token_of(await browser.get("/billing"))


def _token_of(page: httpx2.Response) -> str:
    found = TOKEN_FIELD.search(page.text)
    assert found, f"{page.status_code}: no form on {page.url}"
    return found[1]


async def _post(browser: httpx2.AsyncClient, path: str, body: object = None) -> dict[str, Any]:
    answer = await browser.post(path, json=body, headers={"x-idempotency-key": uuid4().hex})
    assert answer.is_success, f"{path}: {answer.status_code} {answer.text[:500]}"
    found: dict[str, Any] = answer.json()
    return found


async def _token(browser: httpx2.AsyncClient) -> str:
    account = await _post(browser, "/api/v1/service-accounts", {"name": f"faults {uuid4().hex[:6]}"})
    credential = await _post(browser, f"/api/v1/service-accounts/{account['id']}/credentials")
    form = {
        "grant_type": "client_credentials",
        "client_id": credential["client_id"],
        "client_secret": credential["client_secret"],
    }
    answer = await browser.post("/oauth/token", data=form, headers={"x-idempotency-key": uuid4().hex})
    assert answer.status_code == 200, answer.text
    return str(answer.json()["access_token"])


async def _pay(browser: httpx2.AsyncClient) -> None:
    payment = await _post(browser, "/api/v1/payments/credit", {"amount": CREDIT_MICRO})
    paid = await browser.post(payment["checkout_url"], data={**CARD, "email": "devon@internal.example"})
    assert paid.status_code == 303, paid.text[:500]

    async def arrived() -> bool:
        answer = await browser.get(f"/api/v1/payments/{payment['id']}")
        return bool(answer.json()["status"] == "paid")

    await until(arrived, PATIENCE_S, "the payment arrives")
