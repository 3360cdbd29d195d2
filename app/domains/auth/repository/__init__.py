"""SQL of auth: people and sessions in `people`, identities in `identities`, members, organisations and projects in
`team`, invitations in `invitations`, service accounts and keys in `tokens`, the command line in `programs`."""

from app.domains.auth.repository.identities import IdentityRepository
from app.domains.auth.repository.invitations import InvitationRepository
from app.domains.auth.repository.people import AuthRepository
from app.domains.auth.repository.programs import ProgramRepository
from app.domains.auth.repository.team import TeamRepository
from app.domains.auth.repository.tokens import TokenRepository

__all__ = [
    "AuthRepository",
    "IdentityRepository",
    "InvitationRepository",
    "ProgramRepository",
    "TeamRepository",
    "TokenRepository",
]
