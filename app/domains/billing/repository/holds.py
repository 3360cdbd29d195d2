"""The hold of a launch: one call of the database's function `billing.place_hold`, which takes the tenant's lock, reads
the money, decides and posts. The rule is `rules.holds.split_charge`; a property test compares the two."""

from datetime import datetime
from typing import Literal

import msgspec
from sqlalchemy import text

from app.domains.billing.contracts import PlaceHold
from app.domains.billing.repository.accounts import Standing
from app.domains.billing.repository.meters import LABEL_LENGTH
from app.shared.db.repository import Repository
from app.shared.ids import new_id

Outcome = Literal["placed", "repeated", "reused", "not enough", "no account"]

HOLD = text("""
    SELECT * FROM billing.place_hold(:tenant_id, :project_id, :allocation_id, :amount, :label, :gpus, :transaction_id,
                                     :at, :correlation_id)
""")


class HoldRepository(Repository):
    """Places holds."""

    async def place_hold(
        self, command: PlaceHold, at: datetime, correlation_id: str
    ) -> tuple[Outcome, Standing | None]:
        """Lock the tenant, then write the meter and the transaction of the hold when its money allows it. Returns what
        came of it and the tenant's money afterwards; None without accounts."""
        parameters = {
            "tenant_id": command.tenant_id,
            "project_id": command.project_id,
            "allocation_id": command.allocation_id,
            "amount": command.amount,
            "label": command.label[:LABEL_LENGTH],
            "gpus": command.gpus,
            "transaction_id": new_id(),
            "at": at,
            "correlation_id": correlation_id,
        }
        row = dict((await self._session.execute(HOLD, parameters)).mappings().one())
        outcome: Outcome = row.pop("outcome")
        return outcome, None if outcome == "no account" else msgspec.convert(row, Standing)
