"""Every operation of the API, called with whatever its description allows: answers are the described ones, never a 500.

The requests are generated (schemathesis) and go over a real socket. Vendors are out of reach here, so that 503 is an
answer as good as any; it must come in the envelope.
"""

import asyncio
import json
import os
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.checks import CHECKS, load_all_checks

from app.shared.context import Runtime
from tests.domains.inventory.stock import plant, see
from tests.fixtures.app import Browser, SignIn

DESCRIPTION = json.loads((Path(__file__).resolve().parents[2] / "docs" / "openapi.json").read_text("utf-8"))
EXAMPLES = int(os.environ.get("BERTH_API_EXAMPLES", "5"))
NAMES = ("status_code_conformance", "content_type_conformance", "response_schema_conformance")
load_all_checks()
HOLDS = CHECKS.get_by_names(list(NAMES))
SKIPPED = ("/api/v1/events",)  # waits for what has not happened yet; its own tests call it
QUIET = (HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large, HealthCheck.large_base_example)


def operations() -> list[Any]:
    for item in DESCRIPTION["paths"].values():
        for operation in item.values():
            operation.pop("security", None)  # the person's session is sent instead of invented tokens
    found = [result.ok() for result in schemathesis.openapi.from_dict(DESCRIPTION).get_all_operations()]
    return [operation for operation in found if operation.path not in SKIPPED]


def identity(person: Browser) -> dict[str, str]:
    """The headers of a script on one of our own pages."""
    cookies = "; ".join(f"{cookie.name}={cookie.value}" for cookie in person.client.cookies.jar)
    return {"cookie": cookies, "x-csrftoken": person.csrf, "sec-fetch-site": "same-origin"}


def _broken(operation: Any, url: str, headers: dict[str, str]) -> list[str]:
    """What the description promised and the answers did not keep."""
    problems: list[str] = []

    @given(case=operation.as_strategy())
    @settings(
        max_examples=EXAMPLES, derandomize=True, database=None, deadline=None, suppress_health_check=QUIET,
        phases=[Phase.generate],
    )  # fmt: skip
    def call(case: Any) -> None:
        answer = case.call(base_url=url, headers=headers, timeout=20)
        assert answer.status_code != 401 or operation.path == "/oauth/token", "the session was not accepted"
        if answer.status_code >= 500 and answer.status_code != 503:
            problems.append(
                f"{operation.label}: {answer.status_code} for {case.as_curl_command()}: {answer.text[:300]}"
            )
        else:
            case.validate_response(answer, checks=HOLDS)

    try:
        call()
    except (Exception, BaseExceptionGroup) as failure:
        problems.append(f"{operation.label}: {failure}"[:1500])
    return problems


@pytest.mark.commits
@pytest.mark.parametrize("who", ["customer", "operator"])
async def test_the_api_answers_as_it_is_described(runtime: Runtime, sign_in_as: SignIn, server: str, who: str) -> None:
    await plant(runtime)
    await see(runtime, ("h100x8", "l40sx4"))
    person = await sign_in_as("olga", operator=True) if who == "operator" else await sign_in_as("ada")
    headers = identity(person)
    theirs = [item for item in operations() if ("/admin/" in item.path) == (who == "operator")]
    assert theirs
    problems: list[str] = []
    for operation in theirs:
        problems += await asyncio.to_thread(_broken, operation, server, headers)
    assert not problems, f"{len(problems)} of {len(theirs)} operations:\n\n" + "\n\n".join(problems)
