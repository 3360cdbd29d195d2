"""Planted secrets and personal data are searched in everything that leaves the process as a log."""

import io
import json
import logging
import sys

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from app.shared.telemetry.logs import configure_logs
from app.shared.telemetry.sanitize import REMOVED, sanitize, sanitize_text

PLANTED = {
    "jwt": "eyJhbGciOiJFZERTQSJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJlLWNhbmFyeQ",
    "stripe": "sk_test_4eC39HqLyjWDarjtT1zdp7dc",
    "webhook": "whsec_C4naryC4naryC4nary",
    "bearer": "Bearer c4nary-token-0123456789",
    "url": "postgresql://berth_app:c4naryPassword@127.0.0.1/berth",
    "query": "GET /x?code=c4narycode0123&state=c4narystate",
    "mail": "ada.canary@acme.example",
    "card": "4242 4242 4242 4242",
    "key": "-----BEGIN OPENSSH PRIVATE KEY-----\nc4narykey\n-----END OPENSSH PRIVATE KEY-----",
}
NEEDLES = ("c4nary", "c2lnbmF0dXJl", "4eC39Hq", "C4nary", "ada.canary", "4242 4242")


@pytest.fixture
def logged(monkeypatch: pytest.MonkeyPatch):
    """What the process wrote to its standard output; the logging set-up is put back afterwards."""
    root, written = logging.getLogger(), io.StringIO()
    handlers, level, before = root.handlers[:], root.level, structlog.get_config()
    monkeypatch.setattr(sys, "stdout", written)
    configure_logs("tests")
    ours = root.handlers[:]

    def text() -> str:
        return written.getvalue()

    monkeypatch.setattr(root, "handlers", ours)
    yield text
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.configure(**before)
    structlog.contextvars.clear_contextvars()


def test_no_planted_secret_reaches_the_log_by_any_way_in(logged) -> None:
    logging.getLogger().setLevel(logging.INFO)
    log = structlog.get_logger("berth.test")
    for name, secret in PLANTED.items():
        log.info(f"the {name} is {secret}")
        log.info("in a field", detail=secret, nested={"deep": [secret, {"again": secret}]})
        log.info("under a telling name", password="c4narySecret", user_data="c4naryData", email="ada.canary@x.example")
        logging.getLogger("a.library").warning("from the standard library: %s", secret)
        try:
            raise ValueError(secret)
        except ValueError:
            log.exception("with a traceback")
    text = logged()
    assert text.count("\n") >= 5 * len(PLANTED)
    for needle in NEEDLES:
        assert needle not in text, needle


def test_every_line_is_json_with_level_and_service(logged) -> None:
    logging.getLogger().setLevel(logging.INFO)
    structlog.get_logger("berth.test").info("hello", path="/billing")
    line = json.loads(logged().strip().splitlines()[-1])
    assert (line["event"], line["level"], line["service"], line["path"]) == ("hello", "info", "tests", "/billing")


@given(st.text(max_size=300))
def test_a_log_line_stays_one_line_and_never_moves_the_cursor(text: str) -> None:
    clean = sanitize_text(text)
    assert "\r" not in clean
    assert "\x1b" not in clean


@given(
    st.recursive(
        st.none() | st.integers() | st.text(max_size=20) | st.binary(max_size=20),
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
        max_leaves=40,
    )
)
def test_sanitize_takes_anything_and_gives_json(value: object) -> None:
    assert json.dumps(sanitize(value))


def test_what_is_harmless_stays_readable() -> None:
    assert sanitize({"path": "/machines/0192", "ms": 12.5, "ok": True}) == {
        "path": "/machines/0192",
        "ms": 12.5,
        "ok": True,
    }
    assert sanitize({"password": "x"}) == {"password": REMOVED}
