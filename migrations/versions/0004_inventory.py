"""Types, prices, nodes, slots, images."""

from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("CREATE SCHEMA inventory")
    _catalog()
    _images()
    _nodes()
    _slots()
    _capacity()


def _catalog() -> None:
    op.execute("""
        CREATE TABLE inventory.sku_catalog (
            id uuid PRIMARY KEY,
            code text NOT NULL UNIQUE CHECK (code ~ '^[a-z0-9][a-z0-9-]{0,39}$'),
            title text NOT NULL CHECK (length(title) BETWEEN 1 AND 100),
            gpu_model text,
            gpu_vendor_id text,
            gpu_product_id text,
            gpu_count integer NOT NULL CHECK (gpu_count BETWEEN 0 AND 64),
            vram_gib integer NOT NULL CHECK (vram_gib >= 0),
            cpu_count integer NOT NULL CHECK (cpu_count > 0),
            memory_gib integer NOT NULL CHECK (memory_gib > 0),
            disks jsonb NOT NULL,
            network_gbps integer NOT NULL CHECK (network_gbps > 0),
            sells_whole boolean NOT NULL,
            sells_slots boolean NOT NULL,
            retired_at timestamptz,
            created_at timestamptz NOT NULL,
            version bigint NOT NULL DEFAULT 1,
            CHECK (sells_whole OR sells_slots),
            CHECK (gpu_count > 0 OR NOT sells_slots),
            CHECK ((gpu_count > 0) = (gpu_model IS NOT NULL)),
            CHECK ((gpu_count > 0) = (gpu_vendor_id IS NOT NULL AND gpu_product_id IS NOT NULL))
        )
    """)
    op.execute("""
        CREATE TABLE inventory.sku_prices (
            id uuid PRIMARY KEY,
            sku_id uuid NOT NULL REFERENCES inventory.sku_catalog,
            currency text NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
            rate_whole_micro bigint NOT NULL CHECK (rate_whole_micro >= 0),
            rate_gpu_micro bigint CHECK (rate_gpu_micro >= 0),
            effective_from timestamptz NOT NULL,
            announced_at timestamptz NOT NULL,
            announced_by uuid,
            UNIQUE (sku_id, currency, effective_from),
            CHECK (effective_from >= announced_at)
        )
    """)
    op.execute("""
        CREATE TRIGGER sku_prices_append_only BEFORE UPDATE OR DELETE ON inventory.sku_prices
        FOR EACH ROW EXECUTE FUNCTION shared.refuse_change()
    """)
    op.execute("""
        CREATE TRIGGER sku_prices_no_truncate BEFORE TRUNCATE ON inventory.sku_prices
        FOR EACH STATEMENT EXECUTE FUNCTION shared.refuse_change()
    """)
    op.execute("REVOKE UPDATE, DELETE, TRUNCATE ON inventory.sku_prices FROM berth_app")


def _images() -> None:
    op.execute("""
        CREATE TABLE inventory.os_images (
            id uuid PRIMARY KEY,
            code text NOT NULL UNIQUE CHECK (code ~ '^[a-z0-9][a-z0-9./-]{0,59}$'),
            title text NOT NULL CHECK (length(title) BETWEEN 1 AND 100),
            osystem text NOT NULL,
            distro_series text NOT NULL,
            is_default boolean NOT NULL DEFAULT false,
            retired_at timestamptz,
            version bigint NOT NULL DEFAULT 1,
            UNIQUE (osystem, distro_series)
        )
    """)
    op.execute("CREATE UNIQUE INDEX os_images_one_default ON inventory.os_images (is_default) WHERE is_default")


def _nodes() -> None:
    op.execute("""
        CREATE TABLE inventory.nodes (
            id uuid PRIMARY KEY,
            system_id text NOT NULL UNIQUE,
            hostname text NOT NULL,
            sku_id uuid REFERENCES inventory.sku_catalog,
            sku_problem text,
            zone text NOT NULL,
            state text NOT NULL CHECK (state IN ('ready', 'quarantined', 'maintenance', 'missing', 'retired')),
            state_reason text,
            state_since timestamptz NOT NULL,
            cordoned_at timestamptz,
            cordon_reason text,
            deployed_shared boolean NOT NULL DEFAULT false,
            deployed_image_id uuid REFERENCES inventory.os_images,
            address text,
            maas_state text NOT NULL,
            maas_message text NOT NULL DEFAULT '',
            maas_seen_at timestamptz NOT NULL,
            hardware text NOT NULL,
            cpu_count integer NOT NULL,
            memory_mib bigint NOT NULL,
            gpus jsonb NOT NULL,
            disks jsonb NOT NULL,
            imported_at timestamptz NOT NULL,
            version bigint NOT NULL DEFAULT 1,
            CHECK ((sku_id IS NULL) = (sku_problem IS NOT NULL)),
            CHECK ((cordoned_at IS NULL) = (cordon_reason IS NULL)),
            CHECK (state IN ('ready', 'missing') OR state_reason IS NOT NULL),
            CHECK (deployed_shared OR deployed_image_id IS NULL)
        )
    """)
    op.execute("CREATE INDEX nodes_sku ON inventory.nodes (sku_id, id)")
    op.execute("CREATE INDEX nodes_hostname ON inventory.nodes (hostname, id)")
    op.execute("""
        CREATE TABLE inventory.node_image_cache (
            node_id uuid NOT NULL REFERENCES inventory.nodes,
            image_id uuid NOT NULL REFERENCES inventory.os_images,
            warmed_at timestamptz NOT NULL,
            last_used_at timestamptz NOT NULL,
            PRIMARY KEY (node_id, image_id)
        )
    """)


def _slots() -> None:
    # One row is one slot and has room for one holder: two winners cannot exist. A CPU node has one slot without a GPU.
    op.execute("""
        CREATE TABLE inventory.node_resource_slots (
            node_id uuid NOT NULL REFERENCES inventory.nodes,
            slot_index integer NOT NULL CHECK (slot_index >= 0),
            gpu jsonb,
            pci_address text,
            allocation_id uuid,
            claimed_at timestamptz,
            PRIMARY KEY (node_id, slot_index),
            CHECK ((allocation_id IS NULL) = (claimed_at IS NULL))
        ) WITH (fillfactor = 80)
    """)
    op.execute("""
        CREATE UNIQUE INDEX node_resource_slots_one_gpu ON inventory.node_resource_slots (node_id, pci_address)
        WHERE pci_address IS NOT NULL
    """)
    op.execute("""
        CREATE INDEX node_resource_slots_allocation ON inventory.node_resource_slots (allocation_id)
        WHERE allocation_id IS NOT NULL
    """)
    op.execute("""
        CREATE FUNCTION inventory.check_one_node() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            IF EXISTS (SELECT FROM inventory.node_resource_slots s
                       WHERE s.allocation_id = NEW.allocation_id AND s.node_id <> NEW.node_id) THEN
                RAISE EXCEPTION 'an allocation holds slots of one node only' USING ERRCODE = 'exclusion_violation';
            END IF;
            RETURN NULL;
        END $$
    """)
    op.execute("""
        CREATE TRIGGER node_resource_slots_one_node AFTER UPDATE OF allocation_id ON inventory.node_resource_slots
        FOR EACH ROW WHEN (NEW.allocation_id IS NOT NULL) EXECUTE FUNCTION inventory.check_one_node()
    """)


def _capacity() -> None:
    # The one definition of "could be placed on". A whole machine: nobody on it, not shared, and MAAS would deploy it
    # now. Slots: room on a shared node that runs (or soon runs) its image, or a whole machine that could become one.
    op.execute("""
        CREATE VIEW inventory.node_capacity AS
        SELECT n.id AS node_id, n.sku_id, n.state, n.deployed_shared, i.code AS deployed_image, held.total, held.free,
               n.state = 'ready' AND n.cordoned_at IS NULL AND NOT n.deployed_shared AND n.maas_state = 'ready'
                   AND held.free = held.total AND held.total > 0 AS is_whole,
               n.state = 'ready' AND n.cordoned_at IS NULL AND n.deployed_shared
                   AND n.maas_state IN ('ready', 'deploying', 'deployed') AS is_shared
        FROM inventory.nodes n
        LEFT JOIN inventory.os_images i ON i.id = n.deployed_image_id
        CROSS JOIN LATERAL (SELECT count(*) AS total, count(*) FILTER (WHERE s.allocation_id IS NULL) AS free
                            FROM inventory.node_resource_slots s WHERE s.node_id = n.id) held
    """)
