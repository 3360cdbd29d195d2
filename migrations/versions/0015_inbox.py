"""Inbox, preferences, mails, event feed, outgoing webhooks."""

from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _mails()
    _inbox()
    _feed()
    _webhooks()
    op.execute("REVOKE DELETE, TRUNCATE ON notification.feed_heads FROM berth_app")


def _mails() -> None:
    """Written by any domain in its own transaction (app/shared/mail), sent by notification."""
    op.execute("""
        CREATE TABLE shared.mails (
            id uuid PRIMARY KEY,
            recipient text NOT NULL CHECK (length(recipient) BETWEEN 3 AND 254 AND recipient !~ '[[:cntrl:]]'),
            template text NOT NULL CHECK (template ~ '^[a-z][a-z0-9_]{0,39}$'),
            wrapped_values bytea,
            tenant_id uuid,
            user_id uuid,
            state text NOT NULL DEFAULT 'queued' CHECK (state IN ('queued', 'sent', 'failed')),
            attempts integer NOT NULL DEFAULT 0,
            last_error text,
            due_at timestamptz NOT NULL,
            created_at timestamptz NOT NULL,
            ended_at timestamptz,
            CHECK ((state = 'queued') = (ended_at IS NULL)),
            CHECK (state <> 'queued' OR wrapped_values IS NOT NULL)
        )
    """)
    op.execute("CREATE INDEX mails_queued ON shared.mails (due_at) WHERE state = 'queued'")
    op.execute("CREATE INDEX mails_ended ON shared.mails (ended_at) WHERE state <> 'queued'")


def _inbox() -> None:
    op.execute("""
        CREATE TABLE notification.inbox_items (
            id uuid PRIMARY KEY,
            user_id uuid NOT NULL,
            tenant_id uuid NOT NULL,
            project_id uuid,
            event_id uuid NOT NULL,
            kind text NOT NULL,
            subject_id uuid NOT NULL,
            facts jsonb NOT NULL,
            occurred_at timestamptz NOT NULL,
            created_at timestamptz NOT NULL,
            read_at timestamptz,
            UNIQUE (event_id, user_id)
        )
    """)
    op.execute("CREATE INDEX inbox_items_list ON notification.inbox_items (user_id, tenant_id, id DESC)")
    op.execute("""
        CREATE INDEX inbox_items_unread ON notification.inbox_items (user_id, tenant_id, id DESC) WHERE read_at IS NULL
    """)
    op.execute("CREATE INDEX inbox_items_age ON notification.inbox_items (created_at)")
    op.execute("""
        CREATE TABLE notification.preferences (
            user_id uuid PRIMARY KEY,
            choices jsonb NOT NULL,
            version bigint NOT NULL DEFAULT 1,
            updated_at timestamptz NOT NULL
        )
    """)


def _feed() -> None:
    """A tenant's position is given out under the lock of its head row, so positions commit in their order."""
    op.execute("""
        CREATE TABLE notification.feed_heads (
            tenant_id uuid PRIMARY KEY,
            position bigint NOT NULL
        )
    """)
    op.execute("""
        CREATE TABLE notification.feed_events (
            tenant_id uuid NOT NULL,
            position bigint NOT NULL,
            id uuid NOT NULL UNIQUE,
            domain text NOT NULL,
            kind text NOT NULL,
            project_id uuid,
            facts jsonb NOT NULL,
            occurred_at timestamptz NOT NULL,
            created_at timestamptz NOT NULL,
            PRIMARY KEY (tenant_id, position)
        )
    """)
    op.execute("CREATE INDEX feed_events_age ON notification.feed_events (created_at)")


def _webhooks() -> None:
    op.execute("""
        CREATE TABLE notification.webhook_endpoints (
            id uuid PRIMARY KEY,
            tenant_id uuid NOT NULL,
            url text NOT NULL CHECK (length(url) BETWEEN 8 AND 2000),
            description text NOT NULL CHECK (length(description) <= 200),
            kinds text[] NOT NULL,
            state text NOT NULL DEFAULT 'enabled' CHECK (state IN ('enabled', 'disabled')),
            disabled_reason text,
            wrapped_secret bytea NOT NULL,
            wrapped_previous_secret bytea,
            previous_secret_until timestamptz,
            failing_since timestamptz,
            created_by uuid,
            version bigint NOT NULL DEFAULT 1,
            created_at timestamptz NOT NULL,
            updated_at timestamptz NOT NULL,
            deleted_at timestamptz,
            CHECK ((wrapped_previous_secret IS NULL) = (previous_secret_until IS NULL))
        )
    """)
    op.execute("""
        CREATE INDEX webhook_endpoints_tenant ON notification.webhook_endpoints (tenant_id, id DESC)
        WHERE deleted_at IS NULL
    """)
    op.execute("""
        CREATE TABLE notification.webhook_deliveries (
            id uuid PRIMARY KEY,
            endpoint_id uuid NOT NULL REFERENCES notification.webhook_endpoints (id),
            tenant_id uuid NOT NULL,
            message_id uuid NOT NULL,
            kind text NOT NULL,
            body text NOT NULL,
            state text NOT NULL DEFAULT 'queued' CHECK (state IN ('queued', 'delivered', 'failed')),
            attempts integer NOT NULL DEFAULT 0,
            due_at timestamptz NOT NULL,
            created_at timestamptz NOT NULL,
            ended_at timestamptz,
            UNIQUE (endpoint_id, message_id),
            CHECK ((state = 'queued') = (ended_at IS NULL))
        )
    """)
    op.execute("CREATE INDEX webhook_deliveries_list ON notification.webhook_deliveries (endpoint_id, id DESC)")
    op.execute("CREATE INDEX webhook_deliveries_due ON notification.webhook_deliveries (due_at) WHERE state = 'queued'")
    op.execute("CREATE INDEX webhook_deliveries_age ON notification.webhook_deliveries (created_at)")
    op.execute("""
        CREATE TABLE notification.webhook_attempts (
            id uuid PRIMARY KEY,
            delivery_id uuid NOT NULL REFERENCES notification.webhook_deliveries (id) ON DELETE CASCADE,
            started_at timestamptz NOT NULL,
            milliseconds integer NOT NULL,
            status integer,
            problem text,
            answer text NOT NULL CHECK (length(answer) <= 4096)
        )
    """)
    op.execute("CREATE INDEX webhook_attempts_delivery ON notification.webhook_attempts (delivery_id, id)")
