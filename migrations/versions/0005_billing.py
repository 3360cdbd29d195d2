"""The ledger (append-only for everybody), usage that tiles, the state of metering.

Entries have no foreign keys on purpose: a key-share lock on the one revenue account would make every charge of every
tenant queue. Accounts and transactions are never deleted, so the triggers below check the same without a lock. Their
functions switch sequential scans off: a plan that was made while the tables were small would read all of them for
every row of a large tick.
"""

from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("CREATE SCHEMA billing")
    _rules()
    _ledger()
    _usage()
    _derived()
    _protection()


def _rules() -> None:
    op.execute("""
        CREATE FUNCTION billing.charge(rate bigint, seconds bigint) RETURNS bigint
        LANGUAGE sql IMMUTABLE PARALLEL SAFE
        RETURN (rate * seconds) / 3600 + CASE
            WHEN (rate * seconds) % 3600 > 1800 THEN 1
            WHEN (rate * seconds) % 3600 = 1800 AND ((rate * seconds) / 3600) % 2 = 1 THEN 1
            ELSE 0 END
    """)
    op.execute("COMMENT ON FUNCTION billing.charge IS 'micro-units for seconds at micro-units per hour, half to even'")
    op.execute("CREATE SEQUENCE billing.account_versions")


def _ledger() -> None:
    op.execute("""
        CREATE TABLE billing.ledger_accounts (
            id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
            tenant_id uuid,
            kind text NOT NULL,
            currency text NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
            created_at timestamptz NOT NULL,
            UNIQUE NULLS NOT DISTINCT (tenant_id, kind, currency),
            CHECK (CASE WHEN tenant_id IS NULL
                THEN kind IN ('revenue', 'payment_clearing', 'promotions_expense', 'refunds', 'write_off')
                ELSE kind IN ('customer_credit', 'customer_promotions', 'customer_held') END)
        )
    """)
    op.execute("""
        CREATE UNIQUE INDEX ledger_accounts_one_currency ON billing.ledger_accounts (tenant_id, kind)
        WHERE tenant_id IS NOT NULL
    """)
    op.execute("""
        CREATE TABLE billing.ledger_transactions (
            id uuid PRIMARY KEY,
            xid xid8 NOT NULL DEFAULT pg_current_xact_id(),
            occurred_at timestamptz NOT NULL,
            kind text NOT NULL CHECK (kind IN ('payment', 'promotion', 'hold', 'usage', 'hold_released')),
            reference text NOT NULL UNIQUE CHECK (length(reference) BETWEEN 3 AND 120),
            cause_id uuid NOT NULL,
            tenant_id uuid NOT NULL,
            project_id uuid,
            currency text NOT NULL,
            funds_change bigint NOT NULL,
            held_change bigint NOT NULL,
            correlation_id text NOT NULL
        )
    """)
    op.execute("CREATE INDEX ledger_transactions_xid ON billing.ledger_transactions (xid)")
    op.execute("""
        CREATE INDEX ledger_transactions_lines ON billing.ledger_transactions
        (tenant_id, date_bin('1 hour', occurred_at, timestamptz '2000-01-01 00:00:00+00'),
         (CASE WHEN kind = 'usage' THEN cause_id ELSE id END))
    """)
    op.execute("CREATE INDEX ledger_transactions_tenant ON billing.ledger_transactions (tenant_id, id)")
    op.execute("""
        CREATE TABLE billing.ledger_entries (
            id bigint GENERATED ALWAYS AS IDENTITY,
            account_id bigint NOT NULL,
            amount bigint NOT NULL CHECK (amount <> 0),
            transaction_id uuid NOT NULL,
            usage_record_id bigint,
            hold_id uuid,
            PRIMARY KEY (account_id, id) INCLUDE (amount)
        )
    """)
    op.execute("CREATE INDEX ledger_entries_transaction ON billing.ledger_entries (transaction_id)")
    op.execute("""
        CREATE INDEX ledger_entries_hold ON billing.ledger_entries (hold_id) INCLUDE (amount) WHERE hold_id IS NOT NULL
    """)
    op.execute("""
        CREATE FUNCTION billing.check_transaction() RETURNS trigger LANGUAGE plpgsql SET enable_seqscan = off AS $$
        DECLARE s record;
        BEGIN
            SELECT count(*) AS entries, sum(e.amount) AS total,
                   bool_and(a.currency = NEW.currency) AS one_currency,
                   bool_and(a.tenant_id IS NULL OR a.tenant_id = NEW.tenant_id) AS one_tenant,
                   coalesce(sum(e.amount) FILTER (WHERE a.tenant_id IS NOT NULL), 0) AS funds,
                   coalesce(sum(e.amount) FILTER (WHERE a.kind = 'customer_held'), 0) AS held
            INTO s FROM billing.ledger_entries e JOIN billing.ledger_accounts a ON a.id = e.account_id
            WHERE e.transaction_id = NEW.id;
            IF s.entries < 2 OR s.total <> 0 OR NOT s.one_currency OR NOT s.one_tenant
               OR s.funds <> NEW.funds_change OR s.held <> NEW.held_change THEN
                RAISE EXCEPTION 'ledger transaction % does not balance', NEW.id USING ERRCODE = 'check_violation';
            END IF;
            RETURN NULL;
        END $$
    """)
    op.execute("""
        CREATE CONSTRAINT TRIGGER ledger_transactions_balance AFTER INSERT ON billing.ledger_transactions
        DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION billing.check_transaction()
    """)
    op.execute("""
        CREATE FUNCTION billing.check_entries() RETURNS trigger LANGUAGE plpgsql SET enable_seqscan = off AS $$
        BEGIN
            IF EXISTS (
                SELECT FROM added e
                LEFT JOIN billing.ledger_transactions t ON t.id = e.transaction_id
                LEFT JOIN billing.ledger_accounts a ON a.id = e.account_id
                WHERE t.id IS NULL OR a.id IS NULL OR t.xid <> pg_current_xact_id()
                   OR (a.kind = 'customer_held') <> (e.hold_id IS NOT NULL)
            ) THEN
                RAISE EXCEPTION 'a ledger entry needs its account, and a transaction written together with it'
                USING ERRCODE = 'foreign_key_violation';
            END IF;
            RETURN NULL;
        END $$
    """)
    op.execute("""
        CREATE TRIGGER ledger_entries_whole AFTER INSERT ON billing.ledger_entries
        REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION billing.check_entries()
    """)


def _usage() -> None:
    op.execute("""
        CREATE TABLE billing.metered_allocations (
            allocation_id uuid PRIMARY KEY,
            tenant_id uuid NOT NULL,
            project_id uuid NOT NULL,
            label text NOT NULL DEFAULT '',
            currency text NOT NULL,
            sku_id uuid,
            price_version_id uuid,
            rate bigint CHECK (rate >= 0),
            metered_from timestamptz,
            ended_at timestamptz CHECK (ended_at >= metered_from),
            version bigint NOT NULL DEFAULT 1,
            created_at timestamptz NOT NULL,
            CHECK (num_nulls(metered_from, sku_id, price_version_id, rate) IN (0, 4)),
            CHECK (date_trunc('second', metered_from, 'UTC') = metered_from)
        )
    """)
    op.execute("""
        CREATE INDEX metered_allocations_active ON billing.metered_allocations (tenant_id)
        WHERE metered_from IS NOT NULL AND ended_at IS NULL
    """)
    op.execute("CREATE INDEX metered_allocations_tenant ON billing.metered_allocations (tenant_id, allocation_id)")
    op.execute("""
        CREATE TABLE billing.usage_records (
            id bigint GENERATED ALWAYS AS IDENTITY,
            from_at timestamptz NOT NULL,
            to_at timestamptz NOT NULL,
            elapsed bigint NOT NULL CHECK (elapsed >= 0),
            seconds bigint NOT NULL CHECK (seconds > 0),
            rate bigint NOT NULL CHECK (rate >= 0),
            amount bigint NOT NULL,
            allocation_id uuid NOT NULL,
            tenant_id uuid NOT NULL,
            project_id uuid NOT NULL,
            sku_id uuid NOT NULL,
            price_version_id uuid NOT NULL,
            transaction_id uuid,
            PRIMARY KEY (id, from_at),
            CHECK (extract(epoch FROM to_at - from_at) = seconds),
            CHECK (amount = billing.charge(rate, elapsed + seconds) - billing.charge(rate, elapsed)),
            CHECK (amount = 0 OR transaction_id IS NOT NULL)
        )
    """)
    op.execute("""
        CREATE UNIQUE INDEX usage_records_tile ON billing.usage_records (allocation_id, from_at)
        INCLUDE (to_at, elapsed, seconds)
    """)
    op.execute("""
        CREATE FUNCTION billing.check_tiles() RETURNS trigger LANGUAGE plpgsql SET enable_seqscan = off AS $$
        BEGIN
            IF EXISTS (
                SELECT FROM added n
                LEFT JOIN billing.metered_allocations m ON m.allocation_id = n.allocation_id
                LEFT JOIN LATERAL (
                    SELECT u.to_at, u.elapsed + u.seconds AS elapsed FROM billing.usage_records u
                    WHERE u.allocation_id = n.allocation_id AND u.from_at < n.from_at ORDER BY u.from_at DESC LIMIT 1
                ) before ON true
                WHERE m.metered_from IS NULL OR n.tenant_id <> m.tenant_id OR n.rate <> m.rate
                   OR n.from_at <> coalesce(before.to_at, m.metered_from) OR n.elapsed <> coalesce(before.elapsed, 0)
            ) THEN
                RAISE EXCEPTION 'usage must continue where the last record ended' USING ERRCODE = 'exclusion_violation';
            END IF;
            RETURN NULL;
        END $$
    """)
    op.execute("""
        CREATE TRIGGER usage_records_tile AFTER INSERT ON billing.usage_records
        REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION billing.check_tiles()
    """)


def _derived() -> None:
    op.execute("""
        CREATE TABLE billing.ledger_checkpoints (
            account_id bigint NOT NULL,
            through_entry_id bigint NOT NULL,
            balance bigint NOT NULL,
            created_at timestamptz NOT NULL,
            PRIMARY KEY (account_id, through_entry_id) INCLUDE (balance)
        )
    """)
    op.execute("""
        CREATE VIEW billing.balances AS
        SELECT a.id AS account_id, a.tenant_id, a.kind, a.currency,
               coalesce(c.balance, 0) + coalesce(s.total, 0)::bigint AS balance
        FROM billing.ledger_accounts a
        LEFT JOIN LATERAL (
            SELECT k.through_entry_id, k.balance FROM billing.ledger_checkpoints k
            WHERE k.account_id = a.id ORDER BY k.through_entry_id DESC LIMIT 1
        ) c ON true
        LEFT JOIN LATERAL (
            SELECT sum(e.amount) AS total FROM billing.ledger_entries e
            WHERE e.account_id = a.id AND e.id > coalesce(c.through_entry_id, 0)
        ) s ON true
    """)
    op.execute("""
        CREATE TABLE billing.ledger_seals (
            id bigint PRIMARY KEY CHECK (id > 0),
            from_xid xid8 NOT NULL UNIQUE,
            to_xid xid8 NOT NULL,
            entries bigint NOT NULL CHECK (entries > 0),
            previous_hash bytea NOT NULL,
            hash bytea NOT NULL CHECK (length(hash) = 32),
            sealed_at timestamptz NOT NULL,
            CHECK (from_xid < to_xid)
        )
    """)
    op.execute("""
        CREATE TABLE billing.low_balance_events (
            id uuid PRIMARY KEY,
            tenant_id uuid NOT NULL,
            level text NOT NULL CHECK (level IN ('fine', 'notice', 'warning', 'critical', 'exhausted')),
            runway_seconds bigint,
            funds bigint NOT NULL,
            burn bigint NOT NULL,
            occurred_at timestamptz NOT NULL
        )
    """)
    op.execute("CREATE INDEX low_balance_events_latest ON billing.low_balance_events (tenant_id, id DESC)")


def _protection() -> None:
    op.execute("""
        DO $$
        DECLARE name text;
        BEGIN
            FOREACH name IN ARRAY ARRAY['ledger_accounts', 'ledger_transactions', 'ledger_entries', 'ledger_seals',
                                        'usage_records'] LOOP
                EXECUTE format('CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON billing.%I '
                               'FOR EACH ROW EXECUTE FUNCTION shared.refuse_change()', name);
                EXECUTE format('CREATE TRIGGER no_truncate BEFORE TRUNCATE ON billing.%I '
                               'FOR EACH STATEMENT EXECUTE FUNCTION shared.refuse_change()', name);
            END LOOP;
        END $$
    """)
    # SELECT ... FOR UPDATE needs the right to update: the accounts keep it, and a trigger refuses real updates.
    op.execute("""
        REVOKE UPDATE ON billing.ledger_transactions, billing.ledger_entries, billing.ledger_seals,
                         billing.usage_records, billing.ledger_checkpoints, billing.low_balance_events FROM berth_app
    """)
    op.execute("REVOKE DELETE, TRUNCATE ON ALL TABLES IN SCHEMA billing FROM berth_app")
