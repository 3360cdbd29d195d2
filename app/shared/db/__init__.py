"""PostgreSQL: engine, unit of work (the only place that commits), base model, repository, migrations."""

from app.shared.db.base import Base
from app.shared.db.down import database_down
from app.shared.db.engine import Database
from app.shared.db.unit_of_work import UnitOfWork, refuse_open_transaction

__all__ = ["Base", "Database", "UnitOfWork", "database_down", "refuse_open_transaction"]
