"""Work on many things in bounded steps: one row per batch, with how far it is."""

from alembic import op

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("""
        CREATE TABLE shared.batches (
            id uuid PRIMARY KEY,
            name text NOT NULL,
            title text NOT NULL,
            subject_id uuid NOT NULL,
            tenant_id uuid,
            arguments jsonb NOT NULL,
            total bigint NOT NULL CHECK (total >= 0),
            done bigint NOT NULL DEFAULT 0 CHECK (done >= 0),
            passed bigint NOT NULL DEFAULT 0 CHECK (passed >= 0),
            round integer NOT NULL DEFAULT 1,
            step bigint NOT NULL DEFAULT 0,
            idle integer NOT NULL DEFAULT 0,
            place_id uuid,
            place_rank bigint,
            state text NOT NULL DEFAULT 'running' CHECK (state IN ('running', 'done', 'stopped')),
            outcome text NOT NULL DEFAULT '',
            last_error text,
            correlation_id text NOT NULL,
            started_at timestamptz NOT NULL DEFAULT clock_timestamp(),
            touched_at timestamptz NOT NULL DEFAULT clock_timestamp(),
            due_at timestamptz NOT NULL DEFAULT clock_timestamp(),
            ended_at timestamptz,
            CHECK ((ended_at IS NULL) = (state = 'running')),
            CHECK ((place_id IS NULL) = (place_rank IS NULL))
        )
    """)
    op.execute("CREATE UNIQUE INDEX batches_under_way ON shared.batches (name, subject_id) WHERE ended_at IS NULL")
    op.execute("CREATE INDEX batches_due ON shared.batches (due_at) WHERE ended_at IS NULL")
    op.execute("CREATE INDEX batches_newest ON shared.batches (started_at DESC, id DESC)")
    op.execute("CREATE INDEX batches_ended ON shared.batches (ended_at) WHERE ended_at IS NOT NULL")
    # What comes next of a tenant that is out of credit: the most expensive machines first.
    op.execute("""
        CREATE INDEX allocations_dearest ON provisioning.allocations
            (tenant_id, (CASE WHEN state = 'active' THEN rate_micro ELSE 0 END) DESC, id) WHERE ended_at IS NULL
    """)
