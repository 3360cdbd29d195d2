"""Applies the migrations with the owner's role. Production runs it as one job before the new processes start."""

import os
import sys
from pathlib import Path

from alembic import command
from alembic.config import Config

from app.shared.db.engine import sqlalchemy_url

ROOT = Path(__file__).resolve().parents[3]


def alembic_config(owner_url: str) -> Config:
    """Alembic's configuration for `owner_url`, without an ini file."""
    config = Config()
    config.set_main_option("script_location", str(ROOT / "migrations"))
    config.set_main_option("sqlalchemy.url", sqlalchemy_url(owner_url).replace("%", "%%"))
    return config


def upgrade(owner_url: str) -> None:
    """Bring the database to the newest revision; each migration is one transaction."""
    command.upgrade(alembic_config(owner_url), "head")


def main() -> int:
    """`berth migrate`."""
    owner_url = os.environ.get("BERTH_DATABASE_OWNER_URL")
    if not owner_url:
        print("BERTH_DATABASE_OWNER_URL is not set", file=sys.stderr)  # noqa: T201
        return 2
    upgrade(owner_url)
    return 0
