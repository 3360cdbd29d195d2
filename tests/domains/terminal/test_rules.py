"""The ring keeps every byte or says how many are gone; a bucket fills by time; every ending has words."""

import random

from hypothesis import given
from hypothesis import strategies as st

from app.domains.terminal.rules.flow_control import Bucket
from app.domains.terminal.rules.messages import ENDINGS, code_of_release, code_of_session_end, ending
from app.domains.terminal.rules.ring import BLOCK, Ring


def drain(ring: Ring, offset: int) -> bytes:
    parts = []
    while offset < ring.end:
        part = ring.read(offset, 32_768)
        assert part
        parts.append(part)
        offset += len(part)
    return b"".join(parts)


def produce(seed: int, size: int) -> bytes:
    return random.Random(seed).randbytes(size)


@given(st.lists(st.integers(0, 50_000), max_size=40), st.integers(0, 2**32))
def test_a_ring_holds_exactly_the_newest_bytes(sizes: list[int], seed: int) -> None:
    ring = Ring(4 * BLOCK)
    written = b""
    for size in sizes:
        data = produce(seed + len(written), size)
        ring.append(data)
        written += data
    assert ring.end == len(written)
    assert drain(ring, ring.start) == written[ring.start :]
    kept = ring.end - ring.start
    assert kept == len(written) or 4 * BLOCK <= kept < 5 * BLOCK


@given(st.integers(0, 2**32))
def test_fifty_cuts_lose_and_double_nothing(seed: int) -> None:
    """A client that is cut off at any byte, fifty times, while output goes on, ends with every byte once."""
    chance = random.Random(seed)
    ring, written, seen = Ring(16 * BLOCK), bytearray(), bytearray()
    for _ in range(50):
        data = chance.randbytes(chance.randrange(9 * BLOCK))
        ring.append(data)
        written += data
        offset, gap = ring.resume(len(seen))
        assert gap == 0
        for _ in range(chance.randrange(40)):
            part = ring.read(offset, chance.randrange(1, 40_000))
            offset += len(part)
            seen += part
        if ring.end - len(seen) > 6 * BLOCK:
            seen += drain(ring, offset)
    offset, gap = ring.resume(len(seen))
    seen += drain(ring, offset)
    assert gap == 0
    assert seen == written


def test_a_client_that_was_away_too_long_is_told_how_much_it_missed() -> None:
    ring = Ring(2 * BLOCK)
    ring.append(b"x" * 10 * BLOCK)
    offset, gap = ring.resume(BLOCK)
    assert offset == ring.start
    assert gap == ring.start - BLOCK > 0


def test_a_new_client_gets_the_scrollback_and_no_gap_and_a_false_claim_starts_anew() -> None:
    ring = Ring(2 * BLOCK)
    ring.append(b"abc")
    assert ring.resume(None) == (0, 0)
    assert ring.resume(3) == (3, 0)
    assert ring.resume(4) == (0, 0)
    assert ring.read(3, 10) == b""


def test_an_idle_ring_is_small() -> None:
    ring = Ring(1 << 20)
    ring.append(b"$ ")
    assert sum(len(block) for block in ring._blocks) == 2


def test_a_bucket_refuses_what_is_over_its_burst_and_fills_by_time() -> None:
    bucket = Bucket(rate=10, burst=20, now=0)
    assert bucket.take(20, 0)
    assert not bucket.take(1, 0)
    assert bucket.take(10, 1)
    assert not bucket.take(1, 1)
    assert not bucket.take(21, 1_000)


def test_every_ending_says_what_happened_in_a_sentence() -> None:
    for code, words in ENDINGS.items():
        assert words.code == code
        assert words.reason.endswith(".")
    assert ending("from an older release").reason
    assert code_of_session_end("signed out") == "signed_out"
    assert code_of_session_end("anything else") == "session_revoked"
    assert code_of_release("exhausted") == "exhausted"
    assert code_of_release(None) == "gone"
