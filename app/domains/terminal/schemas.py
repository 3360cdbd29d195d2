"""Wire shapes of the terminal and the struct of its page."""

from datetime import datetime
from uuid import UUID

import msgspec

from app.domains.terminal.service.view import Shown


class TokenBody(msgspec.Struct, frozen=True, kw_only=True):
    """`terminal_id`: a shell that is there; null asks for a new one."""

    terminal_id: UUID | None = None


class OpenShell(msgspec.Struct, frozen=True, kw_only=True):
    """A shell of this machine that can be shown again."""

    id: UUID
    opened_at: datetime


class TerminalPage(msgspec.Struct, frozen=True, kw_only=True):
    """What terminal/index.html gets. `since`: when the oldest of the shells was opened. `notice` says what became of
    earlier shells, empty if nothing."""

    allocation_id: UUID
    name: str
    login: str
    host: str
    what: str
    rate_micro: int
    currency: str
    since: datetime | None
    shells: tuple[OpenShell, ...]
    notice: str
    limit: int

    @classmethod
    def of(cls, shown: Shown) -> "TerminalPage":
        """The struct of what the use case found."""
        allocation = shown.allocation
        gpus = f" · {allocation.gpus} GPUs" if allocation.gpus > 1 else " · 1 GPU" if allocation.gpus else ""
        return cls(
            allocation_id=allocation.id,
            name=allocation.name,
            login=shown.target.login,
            host=shown.target.host_alias,
            what=allocation.sku_code + gpus,
            rate_micro=allocation.rate_micro,
            currency=allocation.currency,
            since=min((shell.opened_at for shell in shown.shells), default=None),
            shells=tuple(OpenShell(id=shell.id, opened_at=shell.opened_at) for shell in shown.shells),
            notice=shown.notice,
            limit=shown.limit,
        )
