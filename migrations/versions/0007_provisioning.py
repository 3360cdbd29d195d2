"""Allocations, claims, deployments of machines, placements, timelines, external effects."""

from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("CREATE SCHEMA provisioning")
    _allocations()
    _machines()
    _records()


def _allocations() -> None:
    op.execute("""
        CREATE TABLE provisioning.allocations (
            id uuid PRIMARY KEY,
            tenant_id uuid NOT NULL,
            project_id uuid NOT NULL,
            user_id uuid NOT NULL,
            name text NOT NULL CHECK (name ~ '^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$'),
            sku_id uuid NOT NULL,
            sku_code text NOT NULL,
            gpus integer NOT NULL CHECK (gpus >= 0),
            whole boolean NOT NULL,
            slots integer CHECK (slots > 0),
            image_code text NOT NULL,
            currency text NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
            rate_micro bigint NOT NULL CHECK (rate_micro >= 0),
            price_version_id uuid NOT NULL,
            hold_micro bigint NOT NULL CHECK (hold_micro >= 0),
            login text NOT NULL,
            uid integer NOT NULL,
            gecos text NOT NULL DEFAULT '',
            state text NOT NULL CHECK (state IN ('requested', 'placing', 'provisioning', 'configuring', 'active',
                'releasing', 'release_failed', 'released', 'failed', 'canceled')),
            state_changed_at timestamptz NOT NULL,
            cancel_requested boolean NOT NULL DEFAULT false,
            node_id uuid,
            deployment_id uuid,
            attempt integer NOT NULL DEFAULT 0,
            failure_code text,
            failure_text text,
            correlation_id text NOT NULL,
            requested_at timestamptz NOT NULL,
            active_at timestamptz,
            release_requested_at timestamptz,
            release_reason text,
            ended_at timestamptz,
            version bigint NOT NULL DEFAULT 1,
            CHECK (whole = (slots IS NULL)),
            CHECK ((ended_at IS NOT NULL) = (state IN ('released', 'failed', 'canceled')))
        )
    """)
    op.execute("""
        CREATE UNIQUE INDEX allocations_live_name ON provisioning.allocations (project_id, name)
        WHERE ended_at IS NULL
    """)
    op.execute("CREATE INDEX allocations_project ON provisioning.allocations (tenant_id, project_id, id DESC)")
    op.execute("CREATE INDEX allocations_live ON provisioning.allocations (state_changed_at) WHERE ended_at IS NULL")
    op.execute("CREATE INDEX allocations_kind ON provisioning.allocations (sku_id, image_code, requested_at DESC)")


def _machines() -> None:
    op.execute("""
        CREATE TABLE provisioning.node_deployments (
            id uuid PRIMARY KEY,
            tenant_id uuid NOT NULL,
            node_id uuid NOT NULL,
            system_id text NOT NULL,
            hostname text NOT NULL,
            image_code text NOT NULL,
            shared boolean NOT NULL,
            state text NOT NULL CHECK (state IN ('live', 'closing', 'ended')),
            address text,
            created_at timestamptz NOT NULL,
            ended_at timestamptz,
            version bigint NOT NULL DEFAULT 1
        )
    """)
    op.execute("COMMENT ON TABLE provisioning.node_deployments IS 'one life of a machine in our hands'")
    op.execute("""
        CREATE UNIQUE INDEX node_deployments_one ON provisioning.node_deployments (node_id) WHERE state <> 'ended'
    """)
    op.execute("""
        CREATE TABLE provisioning.allocation_resource_claims (
            id uuid PRIMARY KEY,
            tenant_id uuid NOT NULL,
            project_id uuid NOT NULL,
            allocation_id uuid NOT NULL REFERENCES provisioning.allocations,
            deployment_id uuid NOT NULL REFERENCES provisioning.node_deployments,
            node_id uuid NOT NULL,
            slot_index integer NOT NULL CHECK (slot_index >= 0),
            claimed_at timestamptz NOT NULL,
            freed_at timestamptz
        )
    """)
    op.execute("""
        CREATE UNIQUE INDEX allocation_resource_claims_one ON provisioning.allocation_resource_claims
        (node_id, slot_index) WHERE freed_at IS NULL
    """)
    op.execute("""
        CREATE INDEX allocation_resource_claims_allocation ON provisioning.allocation_resource_claims (allocation_id)
    """)


def _records() -> None:
    op.execute("""
        CREATE TABLE provisioning.allocation_placements (
            id uuid PRIMARY KEY,
            tenant_id uuid NOT NULL,
            project_id uuid NOT NULL,
            allocation_id uuid NOT NULL REFERENCES provisioning.allocations,
            attempt integer NOT NULL,
            node_id uuid NOT NULL,
            node_name text NOT NULL,
            slots integer[] NOT NULL,
            candidates integer NOT NULL,
            reason text NOT NULL,
            placed_at timestamptz NOT NULL,
            UNIQUE (allocation_id, attempt)
        )
    """)
    op.execute("""
        CREATE TABLE provisioning.allocation_events (
            id uuid PRIMARY KEY,
            tenant_id uuid NOT NULL,
            project_id uuid NOT NULL,
            allocation_id uuid NOT NULL REFERENCES provisioning.allocations,
            attempt integer NOT NULL,
            step text NOT NULL CHECK (step IN ('place', 'deploy', 'configure', 'probe', 'activate', 'close', 'erase',
                'free')),
            state text NOT NULL CHECK (state IN ('in_progress', 'active', 'failed', 'ended')),
            detail text NOT NULL DEFAULT '',
            started_at timestamptz NOT NULL,
            finished_at timestamptz,
            UNIQUE (allocation_id, attempt, step)
        )
    """)
    op.execute("""
        CREATE TABLE provisioning.outbox_intents (
            id uuid PRIMARY KEY,
            tenant_id uuid NOT NULL,
            project_id uuid NOT NULL,
            allocation_id uuid NOT NULL REFERENCES provisioning.allocations,
            effect text NOT NULL CHECK (effect IN ('start', 'signal', 'cancel')),
            workflow_id text NOT NULL,
            outbox_id uuid NOT NULL,
            created_at timestamptz NOT NULL
        )
    """)
    op.execute("CREATE INDEX outbox_intents_allocation ON provisioning.outbox_intents (allocation_id, created_at)")
