"""Schemathesis in all of its phases on a sample of the operations, by the bearer token of a customer with credit.

Every status must be one that the description names by itself (`default` is taken out of it here), every body and header
of the described shape; nothing is a server error. Vendors are out of reach, so that 503 is an answer; it is described.
"""

import asyncio
import json
import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from msgspec.structs import force_setattr

from app.domains.billing.contracts import PostCredit
from app.domains.billing.public import open_accounts, post_credit
from app.shared.authz.actor import SYSTEM
from app.shared.ids import new_id
from app.shared.money import Micro
from app.shared.rdb.rate_limit import LIMITS
from tests.domains.auth.test_programs import pkce, redeem, request
from tests.domains.auth.test_tokens import _credentials, _token
from tests.domains.inventory.stock import plant, see

COMMITTED = Path(__file__).resolve().parents[2] / "docs" / "openapi.json"
SEED = int(os.environ.get("BERTH_API_SEED", "20"))
WAITS = "/api/v1/events"  # for what has not happened yet; its own tests call it
OWN_END = re.compile(r"^/api/v1/sessions|^/oauth/")  # ends the caller's own sign-in, or is no part of the API
CALLERS = ("customer",)
CHECKS = (
    "not_a_server_error,status_code_conformance,content_type_conformance,response_headers_conformance,"
    "response_schema_conformance,unsupported_method,allow_header_conformance,ignored_auth"
)


def described(folder: Path, *, operator: bool, few: bool) -> Path:
    """The description of the caller's part of the API without the answer that allows every status."""
    root = json.loads(COMMITTED.read_text("utf-8"))
    paths: dict[str, Any] = {}
    for number, (path, item) in enumerate(root["paths"].items()):
        if path == WAITS or OWN_END.match(path) or ("/admin/" in path) != operator or (few and number % 5):
            continue
        paths[path] = item
        for operation in item.values():
            del operation["responses"]["default"]
    root["paths"] = paths
    written = folder / "openapi.json"
    written.write_text(json.dumps(root), "utf-8")
    return written


async def caller(who: str, runtime: Any, sign_in_as: Any, client: Any, server: str) -> str:
    """A bearer token."""
    person = await (sign_in_as("olga", operator=True) if who == "operator" else sign_in_as("ada"))
    person.client.base_url = client.base_url = server
    if who != "operator":
        credit = PostCredit(
            tenant_id=person.actor.tenant_id, amount=Micro(500_000_000), currency="USD", reference="payment:attack",
            source="payment", cause_id=new_id(),
        )  # fmt: skip
        async with runtime.context(SYSTEM) as ctx:
            await open_accounts(ctx, person.actor.tenant_id, "USD")
            await post_credit(ctx, credit)
    if who == "account":
        return await _token(client, *await _credentials(person))
    verifier, challenge = pkce()
    fields = request(challenge)
    del fields["response_type"]
    allowed = await person.post("/oauth/authorize", **fields)
    code = parse_qs(urlsplit(allowed.headers["location"]).query)["code"][0]
    return str((await redeem(client, code, verifier)).json()["access_token"])


async def attack(description: Path, server: str, token: str, *words: str) -> tuple[int, str]:
    """Exit code and report."""
    process = await asyncio.create_subprocess_exec(
        Path(sys.executable).parent / "schemathesis", "run", description, "--url", server,
        "--header", f"Authorization: Bearer {token}", "--seed", str(SEED), "--generation-database", "none",
        "--phases", "examples,coverage,fuzzing,stateful", "--checks", CHECKS, "--request-timeout", "20",
        "--continue-on-failure", "--no-color", "--warnings", "off", "--suppress-health-check", "all", *words,
        cwd=description.parent, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    said, _ = await process.communicate()
    return process.returncode or 0, said.decode()


@pytest.fixture
def roomy() -> Iterator[None]:
    """Limits of requests with room for all that is sent here; they are still counted."""
    counts = {name: limit.count for name, limit in LIMITS.items()}
    for name, count in counts.items():
        force_setattr(LIMITS[name], "count", count * 1_000)
    yield
    for name, count in counts.items():
        force_setattr(LIMITS[name], "count", count)


async def held_to(who: str, runtime, sign_in_as, client, server, folder: Path, *, few: bool, words: list[str]) -> None:
    await plant(runtime)
    await see(runtime, ("h100x8", "l40sx4"))
    token = await caller(who, runtime, sign_in_as, client, server)
    description = described(folder, operator=who == "operator", few=few)
    status, said = await attack(description, server, token, *words)
    assert status == 0, f"seed {SEED}\n{said[-12_000:]}"


@pytest.mark.slow
@pytest.mark.commits
@pytest.mark.parametrize("who", CALLERS)
async def test_a_sample_is_answered_as_described(
    runtime, server, sign_in_as, client, tmp_path, roomy, who: str
) -> None:
    words = ["--max-examples", "2", "--no-shrink", "--max-time", "15"]
    await held_to(who, runtime, sign_in_as, client, server, tmp_path, few=True, words=words)
