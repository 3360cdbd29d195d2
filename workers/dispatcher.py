"""Sends the rows of one kind: reading, sending and marking go on side by side.

It works in sessions. In a session it holds the same shards throughout, reads each of their rows once, and has at
most one row of an aggregate under way, so that a row whose answer never comes cannot be overtaken by a later one. When
the shards change, the vendor is down or the database fails, the session ends and the next one begins at the oldest
pending row; what was sent and not marked is sent again under its id.
"""

import asyncio
import contextlib
import heapq
import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from functools import partial
from uuid import UUID

import psycopg
import structlog
from psycopg_pool import PoolTimeout

from app.shared.outbox.feed import Feed
from app.shared.outbox.lease import Leases
from app.shared.outbox.marks import Marks
from app.shared.outbox.pool import RelayPool
from app.shared.outbox.row import OutboxRow, Sender, VendorDown, retry_delay

MAX_ROWS = 4_000  # read and not marked yet
PAGE = 1_000
LOOK_SECONDS = 1.0  # between two looks at the vendor and the leases, when nothing happens
COLLECT_SECONDS = 0.005  # marks of rows that were sent shortly after one another are one statement
SENT_AT_A_STRETCH = 64  # before other tasks of the process have their turn
POLL_SECONDS = 0.25
LONGEST_PAUSE = 2.0  # seconds between looks at a vendor that is down

log = structlog.get_logger("relay")
Hook = Callable[[str, Sequence[OutboxRow]], None]


class Session:
    """The rows of one kind in the shards of `tokens`, from the oldest pending one on."""

    def __init__(
        self, pool: RelayPool, leases: Leases, tokens: dict[int, int], sender: Sender, wake: asyncio.Event, hook: Hook
    ) -> None:
        self._leases = leases
        self._tokens = tokens
        self._sender = sender
        self._hook = hook
        self._feed = Feed(pool, sender.kind, tokens)
        self._marks = Marks(pool, leases, tokens)
        self._wake = wake  # there may be new rows, or room for more
        self._work = asyncio.Event()  # there are rows to send
        self._answers = asyncio.Event()  # there are rows to mark
        self._wrote = asyncio.Event()  # marks were written
        self._has_news = True
        self._known: set[UUID] = set()  # rows in memory: not to be taken in twice
        self._ready: deque[OutboxRow] = deque()
        self._queues: dict[UUID, deque[OutboxRow]] = {}  # aggregate with a row ready or under way -> those behind it
        self._under_way = 0
        self._unmarked = 0
        self._lost = False  # what is under way may never be answered
        self._sent: list[tuple[OutboxRow, int | None]] = []
        self._failed: list[tuple[OutboxRow, str]] = []
        self._blocked: dict[UUID, float] = {}  # aggregate whose first row failed -> when it is tried again
        self._behind: dict[UUID, list[OutboxRow]] = {}  # rows of aggregates whose failure is not written down yet
        self._parked: list[tuple[float, UUID, datetime]] = []  # a heap: when, row
        self._down: VendorDown | None = None

    def look(self) -> None:
        """There may be new rows."""
        self._has_news = True
        self._wake.set()

    async def run(self, stopping: asyncio.Event) -> None:
        """Until the leases change or `stopping` is set. Raises VendorDown, and what the database raises."""
        loops = {asyncio.create_task(loop) for loop in (self._read(stopping), self._send(), self._mark())}
        try:
            done, _ = await asyncio.wait(loops, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            for task in loops:
                task.cancel()
            await asyncio.gather(*loops, return_exceptions=True)

    async def _read(self, stopping: asyncio.Event) -> None:
        """Take rows in while there is room for them; returns when the session is over."""
        while not stopping.is_set() and self._leases.tokens() == self._tokens:
            if self._down is not None or await self._sender.prepare():
                self._lost = True
                break
            self._wake.clear()
            rows = await self._next_rows()
            if rows:
                self._hook("scanned", rows)
                if not self._leases.valid:  # we were stopped for a while: the rows may be another's by now
                    return
                self._take_in(rows)
            elif not (self._feed.has_more and self._has_room):
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._wake.wait(), self._pause())
        await self._finish()

    @property
    def _has_room(self) -> bool:
        return len(self._known) - len(self._parked) < MAX_ROWS

    def _pause(self) -> float:
        due = self._parked[0][0] - time.monotonic() if self._parked else LOOK_SECONDS
        return max(0.0, min(LOOK_SECONDS, due))

    async def _next_rows(self) -> list[OutboxRow]:
        if not self._has_room:
            return []
        now = time.monotonic()
        due = []
        while self._parked and self._parked[0][0] <= now:
            _, row_id, created_at = heapq.heappop(self._parked)
            due.append((row_id, created_at))
        if due:
            self._known.difference_update(row_id for row_id, _ in due)
            self._blocked = {aggregate: until for aggregate, until in self._blocked.items() if until > now}
            return await self._feed.read_again(due)
        if not (self._has_news or self._feed.has_more):
            return []
        if self._feed.begins_window:  # a later page does not see what this news is of
            self._has_news = False
        return await self._feed.read(PAGE)

    def _take_in(self, rows: Iterable[OutboxRow]) -> None:
        now = time.monotonic()
        for row in rows:
            if row.id in self._known:
                continue
            self._known.add(row.id)
            aggregate = row.aggregate_id
            if row.wait > 0:
                self._park(row, now + row.wait)
                if row.attempts:
                    self._blocked[aggregate] = now + row.wait
            elif aggregate in self._behind:
                self._behind[aggregate].append(row)
            elif aggregate in self._blocked:
                self._park(row, self._blocked[aggregate])
            elif aggregate in self._queues:
                self._queues[aggregate].append(row)
            else:
                self._queues[aggregate] = deque()
                self._ready.append(row)
        self._work.set()

    def _park(self, row: OutboxRow, until: float) -> None:
        heapq.heappush(self._parked, (until, row.id, row.created_at))

    async def _send(self) -> None:
        while True:
            await self._work.wait()
            self._work.clear()
            stretch = 0
            while self._ready and self._under_way < self._sender.at_once and self._leases.valid:
                row = self._ready.popleft()
                self._under_way += 1
                answer = await self._sender.send(row)
                answer.add_done_callback(partial(self._answered, row))
                stretch += 1
                if stretch % SENT_AT_A_STRETCH == 0:
                    await asyncio.sleep(0)

    def _answered(self, row: OutboxRow, answer: "asyncio.Future[int | None]") -> None:
        self._under_way -= 1
        self._unmarked += 1
        error = None if answer.cancelled() else answer.exception()
        behind = self._queues.pop(row.aggregate_id)
        if answer.cancelled() or isinstance(error, VendorDown):
            self._unmarked -= 1
            self._down = error if isinstance(error, VendorDown) else VendorDown("the call was given up")
            self._wake.set()
        elif error is None:
            self._sent.append((row, answer.result()))
            if behind:
                self._ready.append(behind.popleft())
                self._queues[row.aggregate_id] = behind
        else:
            self._failed.append((row, f"{type(error).__name__}: {error}"))
            self._behind[row.aggregate_id] = [row, *behind]
        self._work.set()
        self._answers.set()

    async def _mark(self) -> None:
        while True:
            await self._answers.wait()
            await asyncio.sleep(COLLECT_SECONDS)
            self._answers.clear()
            if self._sent or self._failed:
                await self._write()
            self._wrote.set()

    async def _write(self) -> None:
        sent, self._sent = self._sent, []
        failed, self._failed = self._failed, []
        rows = [row for row, _ in (*sent, *failed)]
        self._hook("sent", rows)
        if sent:
            await self._marks.published(sent)
            self._known.difference_update(row.id for row, _ in sent)
        for row, error in failed:
            await self._marks.failed(row, error)
            self._try_later(row)
            log.warning(
                "an outbox row failed",
                outbox_name=row.name,
                row=str(row.id),
                attempts=row.attempts + 1,
                error=error,
                correlation_id=row.correlation_id,
            )
        self._unmarked -= len(rows)
        self._hook("marked", rows)
        self._wake.set()

    def _try_later(self, row: OutboxRow) -> None:
        """The row and those behind it are read again when it is due; a dead letter lets those behind it pass."""
        until = time.monotonic() + (0.0 if row.is_last_try else retry_delay(row.attempts))
        rows = self._behind.pop(row.aggregate_id)
        if row.is_last_try:
            self._known.discard(row.id)
            rows = rows[1:]
        self._blocked[row.aggregate_id] = until
        for waiting in rows:
            self._park(waiting, until)

    async def _finish(self) -> None:
        """Send nothing more, and mark what was sent. Raises VendorDown when that ended the session."""
        self._ready.clear()
        for behind in self._queues.values():
            behind.clear()
        while self._unmarked or (self._under_way and not (self._lost or self._down)):
            self._wrote.clear()
            await self._wrote.wait()
        if self._down is not None:
            raise self._down


class Dispatcher:
    """All sessions of one kind, one after the other."""

    def __init__(self, pool: RelayPool, leases: Leases, sender: Sender, hook: Hook) -> None:
        self._pool = pool
        self._leases = leases
        self._sender = sender
        self._hook = hook
        self._session: Session | None = None
        self._wake = asyncio.Event()
        self.kind = sender.kind

    def look(self) -> None:
        """Look for rows now."""
        if self._session is not None:
            self._session.look()
        self._wake.set()

    async def run(self, stopping: asyncio.Event) -> None:
        """Until `stopping` is set. What is down is asked again, with pauses of at most two seconds."""
        pause = 0.0
        while not stopping.is_set():
            tokens = self._leases.tokens()
            try:
                if tokens:
                    await self._run_session(tokens, stopping)
                    pause = 0.0
                else:
                    await self._rest(POLL_SECONDS)
                continue
            except VendorDown as error:
                log.warning("the relay waits for a vendor", kind=self.kind.value, error=str(error))
            except (psycopg.Error, PoolTimeout, OSError) as error:
                log.warning("the relay waits for the database", kind=self.kind.value, error=str(error))
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stopping.wait(), max(POLL_SECONDS, pause))
            pause = min(LONGEST_PAUSE, max(POLL_SECONDS, pause) * 2)

    async def _run_session(self, tokens: dict[int, int], stopping: asyncio.Event) -> None:
        self._session = Session(self._pool, self._leases, tokens, self._sender, self._wake, self._hook)
        try:
            with self._leases.working_on(list(tokens)):
                await self._session.run(stopping)
        finally:
            self._session = None

    async def _rest(self, seconds: float) -> None:
        self._wake.clear()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._wake.wait(), seconds)
