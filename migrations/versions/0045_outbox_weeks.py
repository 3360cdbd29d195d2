"""The outbox has a partition for each week, and whole weeks are dropped when nobody needs them any more.

The default partition becomes the one of all weeks so far; a new, empty one takes its place.
"""

from alembic import op

revision = "0045"
down_revision = "0044"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("ALTER TABLE shared.outbox_events DETACH PARTITION shared.outbox_events_default")
    op.execute("ALTER TABLE shared.outbox_events_default RENAME TO outbox_events_before")
    op.execute("""
        DO $$ BEGIN
            EXECUTE format('ALTER TABLE shared.outbox_events ATTACH PARTITION shared.outbox_events_before '
                           'FOR VALUES FROM (MINVALUE) TO (%L)',
                           (SELECT substring(pg_get_constraintdef(oid) FROM '''([^'']+)''') FROM pg_constraint
                            WHERE conname = 'outbox_events_before'));
        END $$
    """)
    op.execute("ALTER TABLE shared.outbox_events_before DROP CONSTRAINT outbox_events_before")
    op.execute("CREATE TABLE shared.outbox_events_default PARTITION OF shared.outbox_events DEFAULT")
    # The product may not make or drop tables, so what it needs are two functions of the owner. A week that already has
    # rows in the default partition stays there. ATTACH, unlike CREATE … PARTITION OF, lets inserts go on.
    op.execute("""
        CREATE FUNCTION shared.make_outbox_partitions(ahead integer) RETURNS integer
        LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog SET timezone = 'UTC' AS $$
        DECLARE first timestamptz; next timestamptz; name text; made integer := 0;
        BEGIN
            IF ahead NOT BETWEEN 1 AND 52 THEN
                RAISE EXCEPTION 'between 1 and 52 weeks ahead' USING ERRCODE = 'invalid_parameter_value';
            END IF;
            PERFORM pg_advisory_xact_lock(hashtext('shared.outbox_events'));
            FOR week IN 0..ahead LOOP
                first := date_trunc('week', clock_timestamp()) + make_interval(weeks => week);
                next := first + interval '1 week';
                name := 'outbox_events_' || to_char(first, 'IYYY_IW');
                CONTINUE WHEN EXISTS (
                    SELECT FROM shared.list_outbox_partitions() p
                    WHERE p.until > first AND (p.since IS NULL OR p.since < next)
                ) OR EXISTS (
                    SELECT FROM shared.outbox_events_default d WHERE d.created_at >= first AND d.created_at < next);
                EXECUTE format('CREATE TABLE shared.%I (LIKE shared.outbox_events INCLUDING DEFAULTS '
                               'INCLUDING CONSTRAINTS)', name);
                EXECUTE format('ALTER TABLE shared.outbox_events ATTACH PARTITION shared.%I '
                               'FOR VALUES FROM (%L) TO (%L)', name, first, next);
                made := made + 1;
            END LOOP;
            RETURN made;
        END $$
    """)
    op.execute("""
        CREATE FUNCTION shared.list_outbox_partitions() RETURNS TABLE (name regclass, since timestamptz,
                                                                     until timestamptz)
        LANGUAGE sql STABLE SET search_path = pg_catalog SET timezone = 'UTC' AS $$
            SELECT c.oid::regclass,
                   substring(pg_get_expr(c.relpartbound, c.oid) FROM 'FROM \\(''([^'']+)''\\)')::timestamptz,
                   substring(pg_get_expr(c.relpartbound, c.oid) FROM 'TO \\(''([^'']+)''\\)')::timestamptz
            FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
            WHERE i.inhparent = 'shared.outbox_events'::regclass
              AND pg_get_expr(c.relpartbound, c.oid) <> 'DEFAULT'
        $$
    """)
    # A week goes when all of it was published, the last row more than so many days ago. Whoever is using the table is
    # not waited for: the next run tries again.
    op.execute("""
        CREATE FUNCTION shared.drop_outbox_partitions(days integer) RETURNS integer
        LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog SET lock_timeout = '200ms' AS $$
        DECLARE part regclass; needed boolean; dropped integer := 0;
        BEGIN
            IF days < 1 THEN
                RAISE EXCEPTION 'at least one day' USING ERRCODE = 'invalid_parameter_value';
            END IF;
            FOR part IN SELECT p.name FROM shared.list_outbox_partitions() p
                        WHERE p.until < clock_timestamp() - make_interval(days => days) ORDER BY p.until LOOP
                EXECUTE format('SELECT EXISTS (SELECT FROM %s WHERE published_at IS NULL) OR EXISTS (SELECT FROM %s '
                               'WHERE published_at > clock_timestamp() - make_interval(days => %s))', part, part, days)
                INTO needed;
                CONTINUE WHEN needed;
                EXECUTE format('DROP TABLE %s', part);
                dropped := dropped + 1;
            END LOOP;
            RETURN dropped;
        EXCEPTION WHEN lock_not_available THEN
            RETURN 0;
        END $$
    """)
    op.execute("REVOKE EXECUTE ON FUNCTION shared.make_outbox_partitions FROM PUBLIC")
    op.execute("GRANT EXECUTE ON FUNCTION shared.make_outbox_partitions TO berth_app")
    op.execute("REVOKE EXECUTE ON FUNCTION shared.drop_outbox_partitions FROM PUBLIC")
    op.execute("GRANT EXECUTE ON FUNCTION shared.drop_outbox_partitions TO berth_app")
    op.execute("SELECT shared.make_outbox_partitions(3)")
