"""The relay's own connections: a small pool with settings of its own."""

from psycopg_pool import AsyncConnectionPool

from app.shared.db.session import Session

# Plans must walk the pending indexes in order, whatever the statistics of a table that is mostly published say; and
# each statement is planned once per connection. Commits do not wait for the disk: a mark that a crash of the database
# loses is made again, and a lease is told apart by its owner too.
WANTED = {
    "enable_seqscan": "off",
    "enable_bitmapscan": "off",
    "enable_hashjoin": "off",
    "enable_mergejoin": "off",
    "jit": "off",
    "plan_cache_mode": "force_generic_plan",
    "synchronous_commit": "off",
    "TimeZone": "UTC",
    "lock_timeout": "5000",
    "statement_timeout": "30000",
}
RelayPool = AsyncConnectionPool[Session]


def open_pool(url: str, name: str) -> RelayPool:
    """A pool that is not yet open. A connection that broke is found by the statement that fails on it."""
    return AsyncConnectionPool(
        url,
        min_size=1,
        max_size=8,
        timeout=2,
        open=False,
        connection_class=Session,
        kwargs={"autocommit": True, "application_name": name, "connect_timeout": 3, "wanted": WANTED},
    )
