"""The client of the OIDC issuer: discovery, code exchange, ID token, userinfo, end of session."""

from app.domains.auth.gateway.provider import OidcGateway, ProcessGateway

__all__ = ["OidcGateway", "ProcessGateway"]
