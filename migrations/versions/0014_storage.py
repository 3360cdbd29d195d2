"""Namespaces, folders, objects, uploads, links, copies to machines, comparisons of bucket and table.

Text that is sorted or compared by prefix is COLLATE "C": the order of bytes, the same on every computer, so that one
folder is one stretch of an index.
"""

from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("CREATE SCHEMA storage")
    _places()
    _objects()
    _uploads()
    _beside()


def _places() -> None:
    op.execute("""
        CREATE TABLE storage.storage_namespaces (
            id uuid PRIMARY KEY,
            tenant_id uuid NOT NULL,
            project_id uuid NOT NULL,
            name text COLLATE "C" NOT NULL CHECK (name ~ '^[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?$'),
            created_at timestamptz NOT NULL,
            version bigint NOT NULL DEFAULT 1,
            UNIQUE (tenant_id, project_id, name)
        )
    """)
    op.execute("""
        CREATE TABLE storage.storage_usage (
            project_id uuid PRIMARY KEY,
            tenant_id uuid NOT NULL,
            bytes bigint NOT NULL DEFAULT 0 CHECK (bytes >= 0),
            objects bigint NOT NULL DEFAULT 0 CHECK (objects >= 0),
            reserved_bytes bigint NOT NULL DEFAULT 0 CHECK (reserved_bytes >= 0),
            reserved_objects bigint NOT NULL DEFAULT 0 CHECK (reserved_objects >= 0)
        )
    """)
    op.execute(
        "COMMENT ON TABLE storage.storage_usage IS 'the row that quota is decided under; always equal to the sums of "
        "storage_objects and open storage_uploads'"
    )
    op.execute("""
        CREATE TABLE storage.storage_folders (
            namespace_id uuid NOT NULL REFERENCES storage.storage_namespaces (id),
            parent text COLLATE "C" NOT NULL,
            name text COLLATE "C" NOT NULL,
            created_at timestamptz NOT NULL,
            PRIMARY KEY (namespace_id, parent, name)
        )
    """)


def _objects() -> None:
    op.execute("""
        CREATE TABLE storage.storage_objects (
            id uuid PRIMARY KEY,
            tenant_id uuid NOT NULL,
            project_id uuid NOT NULL,
            namespace_id uuid NOT NULL REFERENCES storage.storage_namespaces (id),
            folder text COLLATE "C" NOT NULL,
            name text COLLATE "C" NOT NULL,
            size bigint NOT NULL CHECK (size >= 0),
            content_type text NOT NULL,
            checksum text NOT NULL,
            part_size bigint,
            state text NOT NULL CHECK (state IN ('visible', 'deleted', 'purging')),
            damage text,
            created_by uuid,
            created_at timestamptz NOT NULL,
            changed_at timestamptz NOT NULL,
            deleted_at timestamptz,
            purge_at timestamptz,
            replaced boolean NOT NULL DEFAULT false,
            version bigint NOT NULL DEFAULT 1,
            CHECK ((state = 'visible') = (deleted_at IS NULL)),
            CHECK ((state = 'visible') = (purge_at IS NULL))
        )
    """)
    op.execute(
        "COMMENT ON COLUMN storage.storage_objects.checksum IS 'base64 SHA-256 of the bytes, or with -N behind it the "
        "SHA-256 of the SHA-256s of N parts of part_size'"
    )
    op.execute("""
        CREATE UNIQUE INDEX storage_objects_name ON storage.storage_objects (namespace_id, folder, name)
        WHERE state = 'visible'
    """)
    op.execute("""
        CREATE INDEX storage_objects_size ON storage.storage_objects (namespace_id, folder, size, id)
        WHERE state = 'visible'
    """)
    op.execute("""
        CREATE INDEX storage_objects_time ON storage.storage_objects (namespace_id, folder, created_at, id)
        WHERE state = 'visible'
    """)
    op.execute("""
        CREATE INDEX storage_objects_gone ON storage.storage_objects (namespace_id, deleted_at DESC, id)
        WHERE state = 'deleted'
    """)
    op.execute("CREATE INDEX storage_objects_purge ON storage.storage_objects (purge_at) WHERE state <> 'visible'")
    op.execute("CREATE INDEX storage_objects_key ON storage.storage_objects (project_id, id)")


def _uploads() -> None:
    op.execute("""
        CREATE TABLE storage.storage_uploads (
            id uuid PRIMARY KEY,
            tenant_id uuid NOT NULL,
            project_id uuid NOT NULL,
            namespace_id uuid NOT NULL REFERENCES storage.storage_namespaces (id),
            folder text COLLATE "C" NOT NULL,
            name text COLLATE "C" NOT NULL,
            size bigint NOT NULL CHECK (size >= 0),
            content_type text NOT NULL,
            sha256 text,
            part_size bigint,
            s3_upload_id text,
            overwrite boolean NOT NULL,
            state text NOT NULL CHECK (state IN ('open', 'ended')),
            created_by uuid,
            created_at timestamptz NOT NULL,
            expires_at timestamptz NOT NULL,
            CHECK ((part_size IS NULL) = (sha256 IS NOT NULL))
        )
    """)
    op.execute("COMMENT ON COLUMN storage.storage_uploads.id IS 'becomes the id of the object'")
    op.execute("""
        CREATE INDEX storage_uploads_open ON storage.storage_uploads (tenant_id, project_id, namespace_id, id)
        WHERE state = 'open'
    """)
    op.execute("CREATE INDEX storage_uploads_expiry ON storage.storage_uploads (expires_at)")
    op.execute("""
        CREATE TABLE storage.storage_upload_parts (
            upload_id uuid NOT NULL REFERENCES storage.storage_uploads (id) ON DELETE CASCADE,
            number int NOT NULL CHECK (number BETWEEN 1 AND 10000),
            sha256 text NOT NULL,
            PRIMARY KEY (upload_id, number)
        )
    """)


def _beside() -> None:
    op.execute("""
        CREATE TABLE storage.storage_links (
            id uuid PRIMARY KEY,
            tenant_id uuid NOT NULL,
            project_id uuid NOT NULL,
            object_id uuid NOT NULL REFERENCES storage.storage_objects (id) ON DELETE CASCADE,
            created_by uuid,
            created_at timestamptz NOT NULL,
            expires_at timestamptz NOT NULL
        )
    """)
    op.execute("CREATE INDEX storage_links_object ON storage.storage_links (object_id, expires_at)")
    op.execute("""
        CREATE TABLE storage.storage_copies (
            id uuid PRIMARY KEY,
            tenant_id uuid NOT NULL,
            project_id uuid NOT NULL,
            object_id uuid NOT NULL,
            allocation_id uuid NOT NULL,
            machine text NOT NULL,
            label text NOT NULL,
            target text NOT NULL,
            size bigint NOT NULL,
            done bigint NOT NULL DEFAULT 0,
            state text NOT NULL CHECK (state IN ('waiting', 'in_progress', 'active', 'failed')),
            problem text,
            place jsonb NOT NULL,
            created_by uuid,
            created_at timestamptz NOT NULL,
            beat_at timestamptz NOT NULL,
            ended_at timestamptz,
            version bigint NOT NULL DEFAULT 1
        )
    """)
    op.execute("COMMENT ON COLUMN storage.storage_copies.state IS 'active means done well, as in every timeline'")
    op.execute(
        "CREATE INDEX storage_copies_machine ON storage.storage_copies (tenant_id, project_id, allocation_id, id)"
    )
    op.execute("CREATE INDEX storage_copies_live ON storage.storage_copies (beat_at) WHERE ended_at IS NULL")
    op.execute("""
        CREATE TABLE storage.storage_reports (
            id uuid PRIMARY KEY,
            started_at timestamptz NOT NULL,
            ended_at timestamptz NOT NULL,
            objects_seen bigint NOT NULL,
            rows_seen bigint NOT NULL,
            orphans bigint NOT NULL,
            orphan_bytes bigint NOT NULL,
            removed bigint NOT NULL,
            missing bigint NOT NULL,
            size_differs bigint NOT NULL,
            healed bigint NOT NULL,
            uploads_aborted bigint NOT NULL,
            usage_corrected bigint NOT NULL,
            samples jsonb NOT NULL
        )
    """)
