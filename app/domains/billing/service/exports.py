"""Usage, ledger and statements as files. Long lists are read in parts, each in a Context of its own, so an export never
holds a transaction open."""

from collections.abc import AsyncIterator, Sequence

from app.domains.billing.repository.transactions import Transaction, TransactionQuery
from app.domains.billing.rules.titles import title_of
from app.domains.billing.rules.usage import UsageQuery
from app.domains.billing.service import ledger, statements, usage
from app.domains.billing.service.usage import ExportRow
from app.shared.authz import Permission, tenant_scope
from app.shared.context import ContextFactory
from app.shared.csv_text import decimal
from app.shared.formats import iso

Rows = AsyncIterator[Sequence[Sequence[str]]]
USAGE_HEAD = (
    "day", "project", "type", "machine", "machine_id", "gpus", "seconds", "rate_per_hour", "amount", "currency"
)  # fmt: skip
LEDGER_HEAD = ("occurred_at", "kind", "title", "change", "held", "currency", "reference", "cause_id", "transaction_id")
STATEMENTS_HEAD = ("month", "opening", "added", "returned", "charged", "closing", "currency")
LEDGER_BATCH = 1_000


async def usage_rows(contexts: ContextFactory, query: UsageQuery) -> Rows:
    """One row per machine and day. Raises ValidationFailed before the first one."""
    return _usage_rows(await usage.begin_export(contexts, query))


async def _usage_rows(parts: AsyncIterator[list[ExportRow]]) -> Rows:
    async for part in parts:
        yield [_usage_row(row) for row in part]


def _usage_row(row: ExportRow) -> tuple[str, ...]:
    use = row.use
    return (
        use.day.isoformat(),
        row.project_name,
        row.type_title,
        use.label,
        str(use.allocation_id),
        str(use.gpus),
        str(use.seconds),
        decimal(use.rate),
        decimal(use.amount),
        row.currency,
    )


async def ledger_rows(contexts: ContextFactory) -> Rows:
    """Every transaction, newest first. Raises Forbidden before the first row."""
    async with contexts() as ctx:
        tenant_scope(ctx.actor, Permission.BILLING_READ)
    return _ledger_rows(contexts)


async def _ledger_rows(contexts: ContextFactory) -> Rows:
    query: TransactionQuery | None = TransactionQuery(limit=LEDGER_BATCH)
    while query is not None:
        async with contexts() as ctx:
            page = await ledger.list_transactions(ctx, query)
        yield [_ledger_row(item) for item in page.items]
        cursor = page.next_cursor
        query = None if cursor is None else TransactionQuery(before=cursor, limit=LEDGER_BATCH)


def _ledger_row(item: Transaction) -> tuple[str, ...]:
    return (
        iso(item.occurred_at),
        item.kind,
        title_of(item.kind, item.label, item.cause_id),
        decimal(item.change),
        decimal(item.moved),
        item.currency,
        item.reference,
        str(item.cause_id),
        str(item.transaction_id),
    )


async def statement_rows(contexts: ContextFactory) -> Rows:
    """One row per month, newest first."""
    async with contexts() as ctx:
        view = await statements.statements(ctx)
    rows = [
        (
            f"{line.month:%Y-%m}",
            *(decimal(amount) for amount in (line.opening, line.added, line.returned, line.charged, line.closing)),
            view.currency,
        )
        for line in view.months
    ]
    return _one_part(rows)


async def _one_part(rows: Sequence[Sequence[str]]) -> Rows:
    yield rows
