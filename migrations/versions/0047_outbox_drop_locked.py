"""A week of the outbox is looked at once more under the lock that drops it: events that are made pending again
meanwhile, because the stream lost them, keep it.
"""

from alembic import op

revision = "0047"
down_revision = "0046"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # The table itself is locked first, as every reader of a week does, and as DROP TABLE would.
    op.execute("""
        CREATE OR REPLACE FUNCTION shared.drop_outbox_partitions(days integer) RETURNS integer
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
                LOCK TABLE ONLY shared.outbox_events;
                EXECUTE format('LOCK TABLE %s', part);
                EXECUTE format('SELECT EXISTS (SELECT FROM %s WHERE published_at IS NULL)', part) INTO needed;
                CONTINUE WHEN needed;
                EXECUTE format('DROP TABLE %s', part);
                dropped := dropped + 1;
            END LOOP;
            RETURN dropped;
        EXCEPTION WHEN lock_not_available THEN
            RETURN 0;
        END $$
    """)
