"""Read models: answers to reads that are kept in Valkey and, for seconds, in the process.

Owns what is kept, for how long, and when it is dropped. Never the source of a decision: `Context.read` asks here only
in a request that changes nothing, and permissions and money are decided from rows in the transaction that acts.

A read model states its type and version (`ReadModel`). What is kept depends on tags, for example `billing:<tenant>`;
whatever changes what the tag stands for invalidates it:

- every event invalidates `<domain>:<tenant>` and what its domain declares (`Domain.invalidations`), right after the
  commit in the process that emitted it and once more by the durable consumer of live topics;
- every change that a person or program makes invalidates `changes:<tenant>` after its commit;
- a use case may name further tags (`Context.invalidate`).

Each tag has a generation in Valkey. It is read before the rows are, and an answer is kept only while all its tags still
have the generations that were read: one that was loaded before a change is never kept after it. A process hears of
invalidations over pub/sub and forgets at once. When every message is lost an answer is wrong for no longer than
`shared_seconds + local_seconds` of its model (60 and 5 unless it says less). Without Valkey every read asks PostgreSQL.
"""

from app.shared.readcache.cache import Loading, ReadCache, Wanted
from app.shared.readcache.invalidation import Invalidation, declare_invalidations, domain_tag, tags_of_event
from app.shared.readcache.model import ReadModel

__all__ = [
    "Invalidation",
    "Loading",
    "ReadCache",
    "ReadModel",
    "Wanted",
    "declare_invalidations",
    "domain_tag",
    "tags_of_event",
]
