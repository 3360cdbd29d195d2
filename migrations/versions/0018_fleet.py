"""Maintenance windows, node history, drains, power requests; the catalog's order and withdrawn prices."""

from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _nodes()
    _windows()
    _records()
    _catalog()
    _capacity()


def _nodes() -> None:
    op.execute("""
        ALTER TABLE inventory.nodes
            ADD COLUMN power_state text NOT NULL DEFAULT 'unknown',
            ADD COLUMN drain_since timestamptz,
            ADD COLUMN drain_deadline timestamptz,
            ADD CONSTRAINT nodes_drain_is_a_cordon CHECK (drain_since IS NULL OR cordoned_at IS NOT NULL),
            ADD CONSTRAINT nodes_deadline_of_a_drain CHECK (drain_deadline IS NULL OR drain_since IS NOT NULL)
    """)


def _windows() -> None:
    op.execute("""
        CREATE TABLE inventory.maintenance_windows (
            id uuid PRIMARY KEY,
            node_id uuid NOT NULL REFERENCES inventory.nodes,
            starts_at timestamptz NOT NULL,
            ends_at timestamptz NOT NULL,
            reason text NOT NULL CHECK (length(reason) BETWEEN 3 AND 500),
            planned_at timestamptz NOT NULL,
            planned_by uuid,
            begun_at timestamptz,
            closed_at timestamptz,
            version bigint NOT NULL DEFAULT 1,
            CHECK (ends_at > starts_at)
        )
    """)
    op.execute("""
        CREATE INDEX maintenance_windows_open ON inventory.maintenance_windows (node_id, starts_at)
        WHERE closed_at IS NULL
    """)


def _records() -> None:
    op.execute("""
        CREATE TABLE inventory.node_history (
            id uuid PRIMARY KEY,
            node_id uuid NOT NULL REFERENCES inventory.nodes,
            occurred_at timestamptz NOT NULL,
            kind text NOT NULL CHECK (kind ~ '^[a-z_]{3,40}$'),
            detail text NOT NULL DEFAULT '',
            allocation_id uuid,
            actor_kind text NOT NULL,
            actor_id uuid
        )
    """)
    op.execute("CREATE INDEX node_history_node ON inventory.node_history (node_id, id DESC)")
    op.execute("REVOKE UPDATE, DELETE, TRUNCATE ON inventory.node_history FROM berth_app")
    op.execute("""
        CREATE TABLE inventory.power_requests (
            id uuid PRIMARY KEY,
            node_id uuid NOT NULL REFERENCES inventory.nodes,
            action text NOT NULL CHECK (action IN ('on', 'off', 'cycle', 'query')),
            forced boolean NOT NULL,
            reason text NOT NULL,
            asked_by uuid,
            asked_at timestamptz NOT NULL,
            outcome text CHECK (outcome IN ('done', 'refused', 'unknown')),
            said text NOT NULL DEFAULT '',
            finished_at timestamptz,
            CHECK ((outcome IS NULL) = (finished_at IS NULL))
        )
    """)
    op.execute("CREATE INDEX power_requests_node ON inventory.power_requests (node_id, id DESC)")


def _catalog() -> None:
    # Off sale is not retired: machines of a type that is sold no more still have it.
    op.execute("""
        ALTER TABLE inventory.sku_catalog
            ADD COLUMN description text NOT NULL DEFAULT '' CHECK (length(description) <= 500),
            ADD COLUMN position integer NOT NULL DEFAULT 100 CHECK (position BETWEEN 0 AND 9999),
            ADD COLUMN on_sale boolean NOT NULL DEFAULT true
    """)
    # A price row is never changed: that it was taken back before it began is a row of its own.
    op.execute("""
        CREATE TABLE inventory.price_withdrawals (
            price_id uuid PRIMARY KEY,
            withdrawn_at timestamptz NOT NULL,
            withdrawn_by uuid,
            reason text NOT NULL CHECK (length(reason) BETWEEN 3 AND 500)
        )
    """)
    op.execute("REVOKE UPDATE, DELETE, TRUNCATE ON inventory.price_withdrawals FROM berth_app")
    op.execute("""
        CREATE FUNCTION inventory.check_withdrawal() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            IF NOT EXISTS (SELECT FROM inventory.sku_prices p
                           WHERE p.id = NEW.price_id AND p.effective_from > NEW.withdrawn_at) THEN
                RAISE EXCEPTION 'only a price that has not begun is withdrawn' USING ERRCODE = 'check_violation';
            END IF;
            RETURN NEW;
        END $$
    """)
    op.execute("""
        CREATE TRIGGER price_withdrawals_before_it_begins BEFORE INSERT ON inventory.price_withdrawals
        FOR EACH ROW EXECUTE FUNCTION inventory.check_withdrawal()
    """)


def _capacity() -> None:
    # As before, and: no node inside a maintenance window, whether or not the job has looked at it yet.
    op.execute("DROP VIEW inventory.node_capacity")
    op.execute("""
        CREATE VIEW inventory.node_capacity AS
        SELECT n.id AS node_id, n.sku_id, n.state, n.deployed_shared, i.code AS deployed_image, held.total, held.free,
               open.placeable AND NOT n.deployed_shared AND n.maas_state = 'ready'
                   AND held.free = held.total AND held.total > 0 AS is_whole,
               open.placeable AND n.deployed_shared
                   AND n.maas_state IN ('ready', 'deploying', 'deployed') AS is_shared
        FROM inventory.nodes n
        LEFT JOIN inventory.os_images i ON i.id = n.deployed_image_id
        CROSS JOIN LATERAL (SELECT count(*) AS total, count(*) FILTER (WHERE s.allocation_id IS NULL) AS free
                            FROM inventory.node_resource_slots s WHERE s.node_id = n.id) held
        CROSS JOIN LATERAL (SELECT n.state = 'ready' AND n.cordoned_at IS NULL AND NOT EXISTS (
                                SELECT FROM inventory.maintenance_windows w
                                WHERE w.node_id = n.id AND w.closed_at IS NULL
                                  AND w.starts_at <= now() AND now() < w.ends_at) AS placeable) open
    """)
