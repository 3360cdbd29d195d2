"""Applies the migrations with the owner's role. Production runs it as one job before the new processes start."""

import os
from collections.abc import Mapping
from pathlib import Path

from alembic import command
from alembic.config import Config

from app.settings import Fault, SettingsError, read_values
from app.settings.table import OWNER_URL
from app.shared.db.engine import sqlalchemy_url

ROOT = Path(__file__).resolve().parents[3]


def alembic_config(owner_url: str) -> Config:
    """Alembic's configuration for `owner_url`, without an ini file."""
    config = Config()
    config.set_main_option("script_location", str(ROOT / "migrations"))
    config.set_main_option("sqlalchemy.url", sqlalchemy_url(owner_url).replace("%", "%%"))
    return config


def address_of_owner(environ: Mapping[str, str]) -> str:
    """The database as its owner. Raises SettingsError."""
    found = read_values(environ, [OWNER_URL]).find(OWNER_URL)
    if found is None:
        raise SettingsError([Fault(OWNER_URL.name, f"is not set; it must be {OWNER_URL.kind.says}")])
    return found.text


def upgrade(owner_url: str) -> None:
    """Bring the database to the newest revision; each migration is one transaction."""
    command.upgrade(alembic_config(owner_url), "head")


def main() -> int:
    """`berth migrate`."""
    upgrade(address_of_owner(os.environ))
    return 0
