"""Work on many things, as a durable batch: bounded steps, each one transaction, that resume after any interruption.

Whoever wants something done to many things (a tenant's machines, a person's keys) never loops over them in its own
transaction: it asks for a batch with `ask`, and a job does the work in steps of at most `size` things. A step commits
what it did, how far it came and the request for the next step together, so a crash costs one step and a second delivery
finds nothing to do. One thing that cannot be done holds up no other: it is passed over and comes again in a later
round. Operators see every batch with how far it is. This package knows no domain: a `BatchSpec` says what to do.
"""

from app.shared.batch.each import all_or_one_by_one, one_by_one
from app.shared.batch.runner import job_of
from app.shared.batch.spec import Batch, BatchItem, BatchSpec
from app.shared.batch.store import ask

__all__ = ["Batch", "BatchItem", "BatchSpec", "all_or_one_by_one", "ask", "job_of", "one_by_one"]
