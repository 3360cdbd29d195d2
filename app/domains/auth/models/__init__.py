"""The tables of auth: `people`; `team`; `programs`."""

from app.domains.auth.models.people import (
    AuthorizationCode,
    OidcSession,
    RefreshToken,
    User,
    UserIdentity,
    UserPosixIdentity,
    ViewAs,
)
from app.domains.auth.models.programs import ServiceAccount, ServiceAccountCredential, ServiceAccountToken, SigningKey
from app.domains.auth.models.team import Invitation, Membership, Project, Tenant

__all__ = [
    "AuthorizationCode",
    "Invitation",
    "Membership",
    "OidcSession",
    "Project",
    "RefreshToken",
    "ServiceAccount",
    "ServiceAccountCredential",
    "ServiceAccountToken",
    "SigningKey",
    "Tenant",
    "User",
    "UserIdentity",
    "UserPosixIdentity",
    "ViewAs",
]
