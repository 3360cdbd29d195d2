"""The API's description: complete, honest about refusals, and never taking anything away from a program."""

import copy
import json
from pathlib import Path

import pytest

from devstack.docs.compatibility import losses
from devstack.docs.openapi import openapi

COMMITTED = Path(__file__).resolve().parents[2] / "docs" / "openapi.json"
UNSAFE = {"post", "put", "patch", "delete"}


@pytest.fixture(scope="module")
def description() -> dict:
    return json.loads(openapi())


def operations(description: dict):
    return [(path, method, op) for path, item in description["paths"].items() for method, op in item.items()]


def test_the_committed_description_is_that_of_the_code(description: dict) -> None:
    assert json.loads(COMMITTED.read_text("utf-8")) == description, "run ./berth docs"


def test_every_operation_says_what_it_does_who_may_and_how_it_refuses(description: dict) -> None:
    names = [op["operationId"] for _, _, op in operations(description)]
    assert len(names) == len(set(names))
    for path, method, op in operations(description):
        assert op["summary"], (path, method)
        error = op["responses"]["default"]["content"]["application/json"]["schema"]["$ref"]
        assert error.endswith(("/Error", "/OAuthError"))
        assert len(op["responses"]) > 1, (path, method, "no answer of success")
        if path.startswith("/api/v1/") and "x-permission" not in op:
            assert path in ("/api/v1/buildinfo",), (path, "says no permission")


def test_every_mutation_says_that_it_wants_an_idempotency_key(description: dict) -> None:
    for path, method, op in operations(description):
        if method in UNSAFE and "x-permission" in op and "terminal" not in path:
            keys = [parameter for parameter in op["parameters"] if parameter["name"] == "X-Idempotency-Key"]
            assert keys and keys[0]["required"], (path, method)


def test_every_list_is_paged_in_one_way(description: dict) -> None:
    schemas = description["components"]["schemas"]
    for path, method, op in operations(description):
        content = op["responses"].get("200", {}).get("content", {}).get("application/json", {})
        answer = schemas.get(content.get("schema", {}).get("$ref", "").rpartition("/")[2], {})
        fields = answer.get("properties", {})
        if method == "get" and "next_cursor" in fields:
            assert "items" in fields, (path, sorted(fields))
            wanted = {"cursor", "limit"}
            assert wanted <= {parameter["name"] for parameter in op.get("parameters", ())}, path


LOSSES = [
    (lambda d: d["paths"].pop("/things"), "GET /things is gone"),
    (lambda d: d["paths"]["/things"]["get"]["parameters"].pop(), "parameter limit (query) is gone"),
    (lambda d: d["paths"]["/things"]["get"]["parameters"][0].update(required=True), "limit (query) is required now"),
    (lambda d: d["components"]["schemas"]["Thing"]["properties"].pop("name"), "field name is gone"),
    (
        lambda d: d["components"]["schemas"]["Thing"]["properties"]["name"].update(type="integer"),
        "was string, is integer",
    ),
    (lambda d: d["components"]["schemas"]["Body"]["required"].append("size"), "body field size is required now"),
    (lambda d: d["paths"]["/things"]["post"]["responses"].pop("201"), "answer 201 is gone"),
]
GAINS = [
    lambda d: d["components"]["schemas"]["Thing"]["properties"].update(colour={"type": "string"}),
    lambda d: d["paths"].update({"/others": {}}),
    lambda d: d["components"]["schemas"]["Body"]["properties"].update(note={"type": "string"}),
]


def _sample() -> dict:
    thing, body = {"$ref": "#/components/schemas/Thing"}, {"$ref": "#/components/schemas/Body"}
    answer = {"content": {"application/json": {"schema": {"type": "array", "items": thing}}}}
    limit = {"name": "limit", "in": "query", "schema": {"type": "integer"}}
    return {
        "paths": {
            "/things": {
                "get": {"parameters": [limit], "responses": {"200": answer}},
                "post": {
                    "requestBody": {"content": {"application/json": {"schema": body}}},
                    "responses": {"201": answer},
                },
            }
        },
        "components": {
            "schemas": {
                "Thing": {"type": "object", "properties": {"name": {"type": "string"}, "parts": {"items": thing}}},
                "Body": {"type": "object", "required": ["name"], "properties": {"name": {}, "size": {}}},
            }
        },
    }


@pytest.mark.parametrize(("change", "words"), LOSSES)
def test_what_a_program_would_lose_is_named(change, words: str) -> None:
    new = copy.deepcopy(_sample())
    change(new)
    assert any(words in line for line in losses(_sample(), new)), losses(_sample(), new)


@pytest.mark.parametrize("change", GAINS)
def test_a_gain_is_no_loss(change) -> None:
    new = copy.deepcopy(_sample())
    change(new)
    assert losses(_sample(), new) == []


def test_bodies_are_closed_and_no_answer_is(description: dict) -> None:
    from app.web.openapi.exact import objects_in

    closed: set[str] = set()
    answers: set[str] = set()
    for path, _, op in operations(description):
        content = op.get("requestBody", {}).get("content", {})
        for schema in objects_in(description, content.get("application/json", {}), closed):
            assert not path.startswith("/api/v1") or schema["additionalProperties"] is False, path
        list(objects_in(description, op["responses"], answers))
    assert not closed & answers, "a body and an answer share a schema: answers gain fields, bodies do not"


def test_every_integer_is_one_that_every_program_reads_alike(description: dict) -> None:
    """RFC 8259 §6: beyond 2^53 - 1 a number of JSON need not arrive as it was sent."""
    from app.web.exact import SAFE
    from app.web.openapi.exact import integers_in

    found = list(integers_in(description))
    assert len(found) > 200
    for schema in found:
        least = schema.get("minimum", schema.get("exclusiveMinimum"))
        most = schema.get("maximum", schema.get("exclusiveMaximum"))
        assert type(least) is int and type(most) is int, schema
        assert -SAFE <= least <= most <= SAFE, schema
