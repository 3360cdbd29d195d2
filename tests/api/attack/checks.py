"""Checks of ours beside those of schemathesis, in its own process.

`positive_data_acceptance` takes every 422 to a request that its schema allows for a fault. Some things no schema can
say: they are named here by field, each with its reason, and a refusal of any other field is a fault of the description.
"""

import re
from typing import Any

import schemathesis

REASONS = {
    "it names a thing, and there is none of that name or id here": (
        "adjustment_id allocation_id app device image image_id key_id keys machine namespace object_id payment_id"
        " project_id sku tenant_id until user_id ids email kinds items[].path code node policy upload_id"
    ),
    "only what an answer of ours gave is one": "cursor If-Match",
    "a filter has words of its own": "actor action target tenant result state status",
    "a policy or the thing itself sets the bounds": "amount gpus hours per_hour value size parts quantity",
    "it belongs to another field or to now": (
        "from to role ends_at effective_from since deleted_at starts_at from_at to_at source retired sells_slots"
        " sells_whole per_gpu_hour gpu_count gpu_model confirm_name"
    ),
    "a grammar that is more than its pattern": (
        "public_key url path new_path target folder q sha256 items distro_series osystem currency time_zone"
    ),
    "words of people: only what can be seen, and enough of it where it is asked for": (
        "reason description text title name label summary"
    ),
}
KNOWN = frozenset(word for words in REASONS.values() for word in words.split())
REFUSED_AS_A_WHOLE = frozenset({401, 402, 403, 404, 409, 412, 429, 502, 503})
FRACTION = "must be a whole number"  # JSON Schema takes 25.0 for an integer; a sum of money is written without
ROOT = re.compile(r"[^.\[]+")


@schemathesis.check
def valid_request_is_refused_for_a_known_reason(ctx: Any, response: Any, case: Any) -> None:
    """A request of the schema is answered, or refused for what a schema cannot say."""
    if case.meta is None or not case.meta.generation.mode.is_positive or case.operation.path.startswith("/oauth/"):
        return
    status = response.status_code
    if status < 400 or status in REFUSED_AS_A_WHOLE:
        return
    fields = fields_of(response)
    said = {ROOT.match(field)[0] for field, text in fields.items() if text != FRACTION}  # type: ignore[index]
    if fields and not said:
        return
    unknown = said - KNOWN
    assert status == 422 and said and not unknown, f"{status} to a request of the schema: {response.text[:500]}"


def fields_of(response: Any) -> dict[str, str]:
    try:
        return dict(response.json()["error"]["details"].get("fields", {}))
    except (ValueError, KeyError, TypeError):
        return {}
