"""Every SQL statement of identity: people and sessions in `people`, service accounts and keys in `tokens`."""

from app.domains.auth.repository.people import AuthRepository
from app.domains.auth.repository.tokens import TokenRepository

__all__ = ["AuthRepository", "TokenRepository"]
