"""What is free of each node, kept beside its slots, so that a placement finds its node by an index.

PostgreSQL keeps it: whatever changes a node or its slots, a process of the release before included, the row follows in
the same transaction. `deployed_tenant_id` says whose slots a shared node has; a process of the release before leaves it
empty, and then anybody's placement looks at the node and provisioning decides.
"""

from alembic import op

revision = "0038"
down_revision = "0037"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("ALTER TABLE inventory.nodes ADD COLUMN deployed_tenant_id uuid")
    op.execute("""
        UPDATE inventory.nodes n SET deployed_tenant_id = d.tenant_id FROM provisioning.node_deployments d
        WHERE n.deployed_shared AND d.node_id = n.id AND d.state <> 'ended'
    """)
    op.execute("""
        CREATE TABLE inventory.free_capacity (
            node_id uuid PRIMARY KEY REFERENCES inventory.nodes,
            hostname text NOT NULL,
            sku_id uuid,
            in_service boolean NOT NULL,
            placeable boolean NOT NULL,
            shared boolean NOT NULL,
            image_id uuid,
            tenant_id uuid NOT NULL,
            total integer NOT NULL,
            free integer NOT NULL,
            CHECK (free >= 0 AND free <= total)
        ) WITH (fillfactor = 60, autovacuum_vacuum_scale_factor = 0.05, autovacuum_vacuum_threshold = 200)
    """)
    op.execute("""
        CREATE INDEX free_capacity_whole ON inventory.free_capacity (sku_id, free, hostname, node_id)
        WHERE placeable AND NOT shared
    """)
    op.execute("""
        CREATE INDEX free_capacity_shared ON inventory.free_capacity
            (sku_id, image_id, tenant_id, free, hostname, node_id)
        WHERE placeable AND shared
    """)
    _refresh()
    _triggers()
    op.execute("SELECT inventory.refresh_free_capacity(ARRAY(SELECT id FROM inventory.nodes))")


def _refresh() -> None:
    # The one definition of "could be placed on". A whole machine: nobody on it, not shared, and MAAS would deploy it
    # now. Slots: room on a shared node that runs (or soon runs) its image. A maintenance window counts by the clock, so
    # it is looked at when a node is chosen.
    op.execute("""
        CREATE FUNCTION inventory.refresh_free_capacity(ids uuid[]) RETURNS void LANGUAGE sql AS $$
            INSERT INTO inventory.free_capacity AS c
                (node_id, hostname, sku_id, in_service, placeable, shared, image_id, tenant_id, total, free)
            SELECT n.id, n.hostname, n.sku_id, n.state = 'ready',
                   n.state = 'ready' AND n.cordoned_at IS NULL AND n.sku_id IS NOT NULL AND held.free > 0
                       AND CASE WHEN n.deployed_shared
                                THEN n.deployed_image_id IS NOT NULL
                                     AND n.maas_state IN ('ready', 'deploying', 'deployed')
                                ELSE n.maas_state = 'ready' AND held.free = held.total END,
                   n.deployed_shared, n.deployed_image_id,
                   coalesce(n.deployed_tenant_id, '00000000-0000-0000-0000-000000000000'), held.total, held.free
            FROM inventory.nodes n
            CROSS JOIN LATERAL (SELECT count(*)::integer AS total,
                                       count(*) FILTER (WHERE s.allocation_id IS NULL)::integer AS free
                                FROM inventory.node_resource_slots s WHERE s.node_id = n.id) held
            WHERE n.id = ANY(ids)
            ON CONFLICT (node_id) DO UPDATE
            SET hostname = excluded.hostname, sku_id = excluded.sku_id, in_service = excluded.in_service,
                placeable = excluded.placeable, shared = excluded.shared, image_id = excluded.image_id,
                tenant_id = excluded.tenant_id, total = excluded.total, free = excluded.free
            WHERE (c.hostname, c.sku_id, c.in_service, c.placeable, c.shared, c.image_id, c.tenant_id, c.total, c.free)
                  IS DISTINCT FROM (excluded.hostname, excluded.sku_id, excluded.in_service, excluded.placeable,
                                    excluded.shared, excluded.image_id, excluded.tenant_id, excluded.total,
                                    excluded.free)
        $$
    """)


def _triggers() -> None:
    op.execute("""
        CREATE FUNCTION inventory.node_changed() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            PERFORM inventory.refresh_free_capacity(ARRAY[NEW.id]);
            RETURN NULL;
        END $$
    """)
    # The rule of one node for each allocation is looked at once for a statement; before, once for each slot.
    op.execute("""
        CREATE FUNCTION inventory.slots_changed() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            IF TG_OP = 'UPDATE' AND EXISTS (SELECT FROM changed c JOIN inventory.node_resource_slots s
                                            ON s.allocation_id = c.allocation_id AND s.node_id <> c.node_id) THEN
                RAISE EXCEPTION 'an allocation holds slots of one node only' USING ERRCODE = 'exclusion_violation';
            END IF;
            PERFORM inventory.refresh_free_capacity(ARRAY(SELECT DISTINCT node_id FROM changed));
            RETURN NULL;
        END $$
    """)
    op.execute("DROP TRIGGER node_resource_slots_one_node ON inventory.node_resource_slots")
    op.execute("DROP FUNCTION inventory.check_one_node()")
    op.execute("""
        CREATE FUNCTION inventory.nobodys_node() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            NEW.deployed_tenant_id := NULL;
            RETURN NEW;
        END $$
    """)
    op.execute("""
        CREATE TRIGGER nodes_added AFTER INSERT ON inventory.nodes
        FOR EACH ROW EXECUTE FUNCTION inventory.node_changed()
    """)
    op.execute("""
        CREATE TRIGGER nodes_changed AFTER UPDATE ON inventory.nodes
        FOR EACH ROW WHEN ((OLD.hostname, OLD.sku_id, OLD.state, OLD.cordoned_at IS NULL, OLD.deployed_shared,
                            OLD.deployed_image_id, OLD.deployed_tenant_id, OLD.maas_state)
            IS DISTINCT FROM (NEW.hostname, NEW.sku_id, NEW.state, NEW.cordoned_at IS NULL, NEW.deployed_shared,
                              NEW.deployed_image_id, NEW.deployed_tenant_id, NEW.maas_state))
        EXECUTE FUNCTION inventory.node_changed()
    """)
    op.execute("""
        CREATE TRIGGER nodes_nobodys BEFORE UPDATE ON inventory.nodes
        FOR EACH ROW WHEN (NEW.deployed_tenant_id IS NOT NULL AND NOT NEW.deployed_shared)
        EXECUTE FUNCTION inventory.nobodys_node()
    """)
    op.execute("""
        CREATE TRIGGER node_resource_slots_added AFTER INSERT ON inventory.node_resource_slots
        REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION inventory.slots_changed()
    """)
    op.execute("""
        CREATE TRIGGER node_resource_slots_changed AFTER UPDATE ON inventory.node_resource_slots
        REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION inventory.slots_changed()
    """)
    op.execute("""
        CREATE TRIGGER node_resource_slots_removed AFTER DELETE ON inventory.node_resource_slots
        REFERENCING OLD TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION inventory.slots_changed()
    """)
