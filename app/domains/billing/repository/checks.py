"""The checks of `berth ledger verify`. Each returns the rows that break a rule and the number of rows it examined."""

from sqlalchemy import TextClause, text

from app.shared.db.repository import Repository

# Name, query of the number of rows to examine, query of the findings as (subject, detail).
CHECKS: tuple[tuple[str, TextClause, TextClause], ...] = (
    (
        "every transaction balances, in one currency, of one tenant",
        text("SELECT count(*) FROM billing.ledger_transactions"),
        text("""
            SELECT 'transaction ' || t.id AS subject,
                   format('entries %s, sum %s', count(e.id), coalesce(sum(e.amount), 0)) AS detail
            FROM billing.ledger_transactions t
            LEFT JOIN billing.ledger_entries e ON e.transaction_id = t.id
            LEFT JOIN billing.ledger_accounts a ON a.id = e.account_id
            GROUP BY t.id
            HAVING count(e.id) < 2 OR sum(e.amount) <> 0 OR bool_or(a.currency IS DISTINCT FROM t.currency)
                OR bool_or(a.tenant_id IS NOT NULL AND a.tenant_id <> t.tenant_id)
                OR coalesce(sum(e.amount) FILTER (WHERE a.tenant_id IS NOT NULL), 0) <> t.funds_change
                OR coalesce(sum(e.amount) FILTER (WHERE a.kind = 'customer_held'), 0) <> t.held_change
        """),
    ),
    (
        "every entry has its transaction and its account",
        text("SELECT count(*) FROM billing.ledger_entries"),
        text("""
            SELECT 'entry ' || e.id AS subject, 'its transaction or account is missing' AS detail
            FROM billing.ledger_entries e
            WHERE NOT EXISTS (SELECT FROM billing.ledger_transactions t WHERE t.id = e.transaction_id)
               OR NOT EXISTS (SELECT FROM billing.ledger_accounts a WHERE a.id = e.account_id)
        """),
    ),
    (
        "checkpoints equal the sums of their entries",
        text("SELECT count(*) FROM billing.ledger_checkpoints"),
        text("""
            SELECT format('checkpoint of account %s at entry %s', k.account_id, k.through_entry_id) AS subject,
                   format('has %s, entries sum to %s', k.balance, coalesce(s.total, 0)) AS detail
            FROM billing.ledger_checkpoints k
            LEFT JOIN LATERAL (
                SELECT sum(e.amount) AS total FROM billing.ledger_entries e
                WHERE e.account_id = k.account_id AND e.id <= k.through_entry_id
            ) s ON true
            WHERE k.balance <> coalesce(s.total, 0)
        """),
    ),
    (
        "no customer's balance is below zero, no debt above it",
        text("SELECT count(*) FROM billing.ledger_accounts WHERE tenant_id IS NOT NULL"),
        text("""
            SELECT 'account ' || a.id AS subject,
                   format('%s of tenant %s is %s', a.kind, a.tenant_id, s.total) AS detail
            FROM billing.ledger_accounts a
            CROSS JOIN LATERAL (
                SELECT sum(e.amount) AS total FROM billing.ledger_entries e WHERE e.account_id = a.id
            ) s
            WHERE a.tenant_id IS NOT NULL AND CASE WHEN a.kind = 'customer_debt' THEN s.total > 0 ELSE s.total < 0 END
        """),
    ),
    (
        "a tenant with a debt has no bought credit",
        text("SELECT count(*) FROM billing.ledger_accounts WHERE kind = 'customer_debt'"),
        text("""
            SELECT 'tenant ' || d.tenant_id AS subject, format('owes %s and has %s', -d.balance, c.balance) AS detail
            FROM billing.balances d JOIN billing.balances c ON c.tenant_id = d.tenant_id AND c.kind = 'customer_credit'
            WHERE d.kind = 'customer_debt' AND d.balance < 0 AND c.balance > 0
        """),
    ),
    (
        "usage tiles the metered life of every machine: no gap, no overlap",
        text("SELECT count(*) FROM billing.usage_records"),
        text("""
            SELECT 'usage of ' || u.allocation_id AS subject,
                   format('from %s, expected %s', u.from_at, coalesce(u.before, m.metered_from)) AS detail
            FROM (SELECT allocation_id, from_at, elapsed, seconds, to_at,
                         lag(to_at) OVER w AS before, lag(elapsed + seconds) OVER w AS elapsed_before
                  FROM billing.usage_records WINDOW w AS (PARTITION BY allocation_id ORDER BY from_at)) u
            LEFT JOIN billing.metered_allocations m USING (allocation_id)
            WHERE u.from_at IS DISTINCT FROM coalesce(u.before, m.metered_from)
               OR u.elapsed <> coalesce(u.elapsed_before, 0)
               OR extract(epoch FROM u.to_at - u.from_at) <> u.seconds
            UNION ALL
            SELECT 'usage of ' || m.allocation_id, format('ends at %s, metering ended at %s', u.last, m.ended_at)
            FROM billing.metered_allocations m
            LEFT JOIN LATERAL (SELECT max(to_at) AS last FROM billing.usage_records u
                               WHERE u.allocation_id = m.allocation_id) u ON true
            WHERE m.metered_from IS NOT NULL AND m.ended_at IS NOT NULL
              AND coalesce(u.last, m.metered_from) <> m.ended_at
        """),
    ),
    (
        "usage costs what the rule says",
        text("SELECT count(*) FROM billing.usage_records"),
        text("""
            SELECT 'usage record ' || u.id AS subject, format('%s micro-units for %s s at %s', amount, seconds, u.rate)
                   AS detail
            FROM billing.usage_records u LEFT JOIN billing.metered_allocations m USING (allocation_id)
            WHERE u.rate IS DISTINCT FROM m.rate OR u.tenant_id IS DISTINCT FROM m.tenant_id
               OR u.amount <> billing.charge(u.rate, elapsed + seconds) - billing.charge(u.rate, elapsed)
        """),
    ),
    (
        "every usage record was posted once, with its amount",
        text("SELECT count(*) FROM billing.usage_records WHERE amount <> 0"),
        text("""
            SELECT 'usage record ' || u.id AS subject,
                   format('amount %s, posted as revenue %s', u.amount, coalesce(r.posted, 0)) AS detail
            FROM billing.usage_records u
            LEFT JOIN (
                SELECT e.transaction_id, sum(e.amount) AS posted, count(*) AS times, min(e.usage_record_id) AS record
                FROM billing.ledger_entries e JOIN billing.ledger_accounts a ON a.id = e.account_id
                WHERE a.kind = 'revenue' GROUP BY e.transaction_id
            ) r ON r.transaction_id = u.transaction_id
            WHERE u.amount <> 0 AND (r.posted IS DISTINCT FROM u.amount OR r.times <> 1 OR r.record <> u.id)
            UNION ALL
            SELECT 'transaction ' || t.id, 'charges usage that has no record'
            FROM billing.ledger_transactions t
            WHERE t.kind = 'usage' AND NOT EXISTS (
                SELECT FROM billing.ledger_entries e JOIN billing.usage_records u ON u.id = e.usage_record_id
                WHERE e.transaction_id = t.id AND u.transaction_id = t.id)
        """),
    ),
    (
        "revenue equals the sum of all usage",
        text("SELECT count(DISTINCT currency) FROM billing.ledger_accounts WHERE kind = 'revenue'"),
        text("""
            SELECT 'revenue in ' || a.currency AS subject, format('posted %s, used %s', r.total, u.total) AS detail
            FROM billing.ledger_accounts a
            CROSS JOIN LATERAL (SELECT coalesce(sum(amount), 0) AS total FROM billing.ledger_entries e
                                WHERE e.account_id = a.id) r
            CROSS JOIN LATERAL (
                SELECT coalesce(sum(u.amount), 0) AS total FROM billing.usage_records u
                JOIN billing.metered_allocations m USING (allocation_id) WHERE m.currency = a.currency) u
            WHERE a.kind = 'revenue' AND r.total <> u.total
        """),
    ),
    (
        "every hold belongs to a machine that is not closed, and sums up to what the tenant has held",
        text("SELECT count(DISTINCT hold_id) FROM billing.ledger_entries WHERE hold_id IS NOT NULL"),
        text("""
            SELECT 'hold of ' || h.hold_id AS subject, format('%s left, %s', h.total, CASE
                   WHEN m.allocation_id IS NULL THEN 'unknown allocation' WHEN h.total < 0 THEN 'below zero'
                   ELSE 'allocation is closed' END) AS detail
            FROM (SELECT hold_id, sum(amount) AS total FROM billing.ledger_entries
                  WHERE hold_id IS NOT NULL GROUP BY hold_id) h
            LEFT JOIN billing.metered_allocations m ON m.allocation_id = h.hold_id
            WHERE m.allocation_id IS NULL OR h.total < 0 OR (m.ended_at IS NOT NULL AND h.total <> 0)
            UNION ALL
            SELECT 'account ' || a.id, 'an entry of a held account names no hold, or one of another account does'
            FROM billing.ledger_entries e JOIN billing.ledger_accounts a ON a.id = e.account_id
            WHERE (a.kind = 'customer_held') <> (e.hold_id IS NOT NULL)
        """),
    ),
    (
        "closed days cost what the meters say",
        text("SELECT count(*) FROM billing.daily_usage"),
        text("""
            SELECT 'days of tenant ' || p.tenant_id AS subject,
                   format('%s in %s s, meters say %s in %s s', d.amount, d.seconds, m.amount, m.seconds) AS detail
            FROM billing.daily_usage_progress p
            CROSS JOIN LATERAL (SELECT coalesce(sum(amount), 0) AS amount, coalesce(sum(seconds), 0) AS seconds
                                FROM billing.daily_usage WHERE tenant_id = p.tenant_id) d
            CROSS JOIN LATERAL (
                SELECT coalesce(sum(billing.charge(rate, lasted)), 0) AS amount, coalesce(sum(lasted), 0) AS seconds
                FROM (SELECT rate, extract(epoch FROM least(ended_at, p.open_at) - metered_from)::bigint AS lasted
                      FROM billing.metered_allocations
                      WHERE tenant_id = p.tenant_id AND metered_from < p.open_at) life
            ) m
            WHERE (d.amount, d.seconds) <> (m.amount, m.seconds)
        """),
    ),
    (
        "every write-off of use is listed once",
        text("SELECT count(*) FROM billing.write_offs"),
        text("""
            SELECT 'transaction ' || coalesce(w.transaction_id, posted.id) AS subject,
                   format('listed %s, posted %s', w.amount, posted.amount) AS detail
            FROM billing.write_offs w
            FULL JOIN (
                SELECT t.id, t.tenant_id, t.occurred_at, -sum(e.amount) AS amount FROM billing.ledger_accounts a
                JOIN billing.ledger_entries e ON e.account_id = a.id
                JOIN billing.ledger_transactions t ON t.id = e.transaction_id
                WHERE a.tenant_id IS NULL AND a.kind = 'write_off' AND t.kind = 'usage' GROUP BY 1, 2, 3
            ) posted ON (posted.id, posted.tenant_id, posted.occurred_at)
                      = (w.transaction_id, w.tenant_id, w.occurred_at)
            WHERE w.amount IS DISTINCT FROM posted.amount
        """),
    ),
)
REPEATABLE_READ = text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")


class CheckRepository(Repository):
    """Runs the checks against one snapshot of the books."""

    async def begin_snapshot(self) -> None:
        """Let all checks read the same instant without blocking writers. Must be the first statement of the
        transaction."""
        await self._session.execute(REPEATABLE_READ)

    async def run(self, count: TextClause, findings: TextClause) -> tuple[int, list[tuple[str, str]]]:
        """The number of rows that a check examined, and (subject, detail) of those that break its rule."""
        examined = int(await self._session.scalar(count) or 0)
        rows = await self._session.execute(findings)
        return examined, [(row.subject, row.detail) for row in rows]
