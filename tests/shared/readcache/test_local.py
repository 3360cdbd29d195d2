"""The in-process layer agrees with a plain dictionary, within its bounds."""

from hypothesis import given
from hypothesis import strategies as st

from app.shared.readcache.local import LocalCache

NAMES = st.sampled_from("abcdef")
TAGS = st.frozensets(st.sampled_from(["x", "y", "z"]), min_size=1)
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("put"), NAMES, TAGS, st.integers(1, 40), st.integers(1, 9)),
        st.tuples(st.just("invalidate"), TAGS),
        st.tuples(st.just("pass"), st.integers(0, 5)),
        st.tuples(st.just("clear")),
    )
)


@given(STEPS)
def test_what_is_kept_is_what_was_put_last_and_neither_late_nor_invalid(steps: list[tuple[object, ...]]) -> None:
    now = 0.0
    cache = LocalCache(max_entries=4, max_bytes=100, monotonic=lambda: now)
    expected: dict[str, tuple[int, frozenset[str], float]] = {}
    for number, (verb, *rest) in enumerate(steps):
        match verb, rest:
            case "put", [str() as name, frozenset() as tags, int() as size, int() as seconds]:
                cache.put(name, number, tags, size, seconds)
                expected[name] = (number, tags, now + seconds)
            case "invalidate", [frozenset() as tags]:
                cache.invalidate(tags)
                expected = {name: entry for name, entry in expected.items() if not entry[1] & tags}
            case "pass", [int() as seconds]:
                now += seconds
            case _:
                cache.clear()
                expected.clear()
        assert len(cache) <= 4 and 0 <= cache.bytes <= 100
        for name in "abcdef":
            kept = cache.get(name)
            if kept is not None:
                value, _, until = expected[name]
                assert kept.value == value and until > now


def test_an_answer_larger_than_a_quarter_of_all_is_not_kept() -> None:
    cache = LocalCache(max_bytes=100)
    cache.put("small", 1, ["t"], 25, 5)
    cache.put("large", 1, ["t"], 26, 5)
    assert cache.get("small") and not cache.get("large")


def test_what_was_used_last_stays_longest() -> None:
    cache = LocalCache(max_entries=2)
    cache.put("a", 1, ["t"], 1, 5)
    cache.put("b", 1, ["t"], 1, 5)
    cache.get("a")
    cache.put("c", 1, ["t"], 1, 5)
    assert cache.get("a") and cache.get("c") and not cache.get("b")
