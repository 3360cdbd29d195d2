"""What appruntime hands to the composition roots."""

from app.shared.manifest import Domain

DOMAIN = Domain(name="appruntime")
