"""What a person signs in with is a row of its own: someone may come from one provider today and from another tomorrow.

`users.issuer` and `users.subject` stay for processes of the release before; the next one drops them.
"""

from alembic import op

revision = "0032"
down_revision = "0031"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("""
        CREATE TABLE auth.identities (
            key bytea PRIMARY KEY,
            user_id uuid NOT NULL REFERENCES auth.users,
            issuer text NOT NULL,
            subject text NOT NULL,
            created_at timestamptz NOT NULL,
            last_used_at timestamptz NOT NULL
        )
    """)
    op.execute("CREATE INDEX identities_user ON auth.identities (user_id)")
    op.execute("""
        INSERT INTO auth.identities (key, user_id, issuer, subject, created_at, last_used_at)
        SELECT sha256(convert_to(issuer, 'UTF8') || '\\x00'::bytea || convert_to(subject, 'UTF8')), id, issuer, subject,
               created_at, last_login_at
        FROM auth.users
    """)
    op.execute("ALTER TABLE auth.users ALTER COLUMN issuer DROP NOT NULL, ALTER COLUMN subject DROP NOT NULL")
