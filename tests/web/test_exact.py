"""The exact reading of JSON: what is taken means the same to every program, what is not is named with its path."""

import json
from datetime import date, datetime
from typing import Annotated, Literal
from uuid import UUID

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Meta, inspect

from app.web.exact.check import SAFE, faults, gathered, unknown
from app.web.exact.decode import Members, NotJson, decode


class Inner(msgspec.Struct, kw_only=True):
    name: str
    size: Annotated[int, Meta(ge=1, le=9)] = 1


class Sample(msgspec.Struct, kw_only=True):
    number: int = 0
    few: Annotated[int, Meta(gt=0, lt=5)] | None = None
    word: Annotated[str, Meta(min_length=1, max_length=3)] = "a"
    code: Annotated[str, Meta(pattern="^[a-z]+$")] = "a"
    flag: bool = False
    way: Literal["in", "out"] = "in"
    one: UUID | None = None
    at: datetime | None = None
    day: date | None = None
    either: int | str | bool | None = None
    inner: Inner | None = None
    many: Annotated[list[Inner], Meta(max_length=3)] = []
    from_: str = msgspec.field(default="", name="from")


KIND = inspect.type_info(Sample)


def said(text: str) -> dict[str, str]:
    return gathered(faults(decode(text.encode()), KIND))


TAKEN = [
    '{}', '{"number": -0}', f'{{"number": {SAFE}}}', '{"few": null}', '{"few": 4}', '{"word": "äöü"}', '{"flag": true}',
    '{"at": "2026-12-01T09:00:00Z"}', '{"at": "2026-12-01T09:00:00.5+05:30"}', '{"day": "2026-02-28"}',
    '{"either": 1}', '{"either": "1"}', '{"either": false}', '{"either": null}', '{"from": "x"}',
    '{"many": [{"name": "a"}, {"name": "b", "size": 9}]}', '{"one": "00000000-0000-0000-0000-000000000000"}',
]  # fmt: skip
REFUSED = [
    ('{"number": "25"}', "number", "whole number"),
    ('{"number": 25.0}', "number", "whole number"),
    ('{"number": 1e3}', "number", "whole number"),
    ('{"number": true}', "number", "whole number"),
    ('{"number": null}', "number", "not be null"),
    (f'{{"number": {SAFE + 1}}}', "number", "from"),
    (f'{{"number": {-SAFE - 1}}}', "number", "from"),
    ('{"few": 0}', "few", "from 1 to 4"),
    ('{"few": 5}', "few", "from 1 to 4"),
    ('{"word": ""}', "word", "at least 1"),
    ('{"word": "abcd"}', "word", "at most 3"),
    ('{"word": 1}', "word", "text"),
    ('{"word": "\\ud800"}', "word", "surrogate"),
    ('{"word": "\\u0000"}', "word", "NUL"),
    ('{"code": "A"}', "code", "match"),
    ('{"flag": 1}', "flag", "true or false"),
    ('{"flag": "true"}', "flag", "true or false"),
    ('{"way": "up"}', "way", "in, out"),
    ('{"way": true}', "way", "in, out"),
    ('{"one": "x"}', "one", "UUID"),
    ('{"at": "2026-12-01T09:00:00"}', "at", "zone"),
    ('{"at": "2026-12-01"}', "at", "zone"),
    ('{"at": 1600000000}', "at", "instant"),
    ('{"day": "2026-02-30"}', "day", "day"),
    ('{"either": 2.5}', "either", "or"),
    ('{"either": []}', "either", "or"),
    ('{"inner": {"name": "a", "nme": "a"}}', "inner.nme", "did you mean name?"),
    ('{"inner": {}}', "inner.name", "required"),
    ('{"inner": []}', "inner", "object"),
    ('{"many": {}}', "many", "list"),
    ('{"many": [{"name": "a"}, {"name": "b"}, {"nme": "c", "name": "c"}]}', "many[2].nme", "did you mean name?"),
    ('{"many": [1,2,3,4]}', "many", "at most 3"),
    ('{"many": [null]}', "many[0]", "not be null"),
    ('{"from_": "x"}', "from_", "did you mean from?"),
    ('{"flag": true, "flag": true}', "flag", "more than once"),
    ('{"inner": {"name": "a", "name": "b"}}', "inner.name", "more than once"),
    ('{"many": [{"name": "a", "size": 1, "size": 2}]}', "many[0].size", "more than once"),
    ('{"\\ud800": 1}', "\\ud800", "unknown"),
]


@pytest.mark.parametrize("text", TAKEN)
def test_what_is_exact_is_taken(text: str) -> None:
    assert said(text) == {}
    assert isinstance(msgspec.convert(decode(text.encode()), Sample), Sample)


@pytest.mark.parametrize(("text", "path", "words"), REFUSED)
def test_what_is_not_is_named_with_its_path(text: str, path: str, words: str) -> None:
    found = said(text)
    assert set(found) == {path}
    assert words in found[path]
    json.dumps(found).encode()


def test_all_faults_come_at_once() -> None:
    found = said('{"number": "1", "few": 0, "numbr": 1, "inner": {"size": 0}, "many": [{"size": 10}, 7]}')
    wanted = {"number", "few", "numbr", "inner.size", "inner.name", "many[0].size", "many[0].name", "many[1]"}
    assert set(found) == wanted
    many = json.dumps({f"x{number}": number for number in range(500)})
    assert len(said(many)) == 50


@pytest.mark.parametrize(
    "body", [b"{", b"[1,]", b"nul", b"NaN", b"-Infinity", b"1e999", b"\xff", b"\xef\xbb\xbf{}", b"\x00"]
)
def test_what_is_no_json_is_refused_in_words(body: bytes) -> None:
    with pytest.raises(NotJson) as refused:
        decode(body)
    assert str(refused.value).startswith(("is ", "holds "))


FLOATS = st.floats(allow_nan=False, allow_infinity=False)
LEAVES = st.none() | st.booleans() | st.integers(-(2**70), 2**70) | FLOATS | st.text()
NAMES = st.sampled_from([*Sample.__struct_fields__, "name"]) | st.text()
JSON = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=4), max_leaves=12
)


@given(JSON)
def test_whatever_comes_is_either_taken_whole_or_refused_with_paths(value: object) -> None:
    """What has no fault becomes the struct and says the same again; nothing that comes breaks the check."""
    read = decode(json.dumps(value).encode())
    found = gathered(faults(read, KIND))
    if not found:
        assert isinstance(read, Members)
        made = msgspec.convert(read, Sample)
        kept = msgspec.to_builtins(made)
        for name, given_value in json.loads(json.dumps(value)).items():
            if isinstance(given_value, int | str | bool) and name not in ("at", "one", "day"):
                assert kept[name] == given_value and type(kept[name]) is type(given_value)


def test_the_nearest_name_is_told() -> None:
    known = ["cursor", "limit", "live"]
    assert "did you mean limit?" in unknown("limt", known)
    assert "known are cursor, limit, live" in unknown("state", known)
    assert "did you mean gpus?" in unknown("gpu", ["gpus", "sku"])
