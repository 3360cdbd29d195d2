"""Many lines of one cause become few, and how many there were is said."""

import logging

import pytest

from app.shared.telemetry.repeats import Repeats, cause_of


class Now:
    value = 0.0

    def __call__(self) -> float:
        return self.value


@pytest.fixture
def written() -> list[logging.LogRecord]:
    return []


@pytest.fixture
def now() -> Now:
    return Now()


@pytest.fixture
def log(written: list[logging.LogRecord], now: Now):
    """A logger with the filter, whose lines are kept."""
    logger = logging.getLogger("tests.repeats")
    handler = logging.Handler()
    handler.emit = written.append  # type: ignore[method-assign,assignment]
    handler.addFilter(Repeats(limit=3, clock=now))
    logger.handlers[:], logger.propagate = [handler], False
    logger.setLevel(logging.INFO)
    return logger


def fail(log: logging.Logger, error: type[Exception], value: int) -> None:
    try:
        raise error(value)
    except error:
        log.exception("it failed: %s", value)


def test_one_cause_is_written_so_often_and_then_counted(log, written, now) -> None:
    for number in range(400):
        fail(log, ValueError, number)
    assert len(written) == 3
    now.value = 61
    log.error("something else")
    said = [record.getMessage() for record in written[3:]]
    assert said[0].startswith("397 lines were left out: it failed: %s ValueError fail:")
    assert said[1] == "something else"


def test_causes_do_not_take_each_other_s_room_and_ordinary_work_passes(log, written) -> None:
    for number in range(10):
        fail(log, ValueError, number)
        fail(log, KeyError, number)
        log.warning("a warning %s", number)
        log.info("a request")
    assert len(written) == 3 + 3 + 3 + 10


def test_structured_lines_are_alike_by_their_event(log) -> None:
    def record(**said: object) -> logging.LogRecord:
        return logging.LogRecord("x", logging.ERROR, "", 1, said, (), None)

    assert cause_of(record(event="a", path="/1")) == cause_of(record(event="a", path="/2"))
    assert cause_of(record(event="a")) != cause_of(record(event="b"))


def test_causes_without_end_take_no_memory_without_end(log, written) -> None:
    for number in range(1500):
        log.error(f"cause {number}")
    handler = log.handlers[0]
    assert len(handler.filters[0]._seen) <= 1001
