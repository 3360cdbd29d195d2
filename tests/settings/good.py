"""An environment that production takes, made anew each time: the table of bad values changes one thing of it."""

from secrets import token_hex
from typing import Any


def good_environment(**changes: str | None) -> dict[str, str]:
    """`changes` by the name behind BERTH_; None takes a variable away."""
    environment = {
        "BERTH_PUBLIC_URL": "https://cloud.example.com",
        "BERTH_APPS_URL": "https://*.apps.example.net",
        "BERTH_SECRET_KEY": token_hex(32),
        "BERTH_DATABASE_URL": f"postgresql://berth_app:{token_hex(20)}@postgres/berth",
        "BERTH_VALKEY_URL": f"redis://:{token_hex(20)}@valkey:6379/0",
        "BERTH_NATS_URL": f"nats://berth:{token_hex(20)}@nats:4222",
        "BERTH_TEMPORAL_ADDRESS": "temporal:7233",
        "BERTH_S3_URL": "https://s3.internal:8333",
        "BERTH_S3_PUBLIC_URL": "https://files.example.com",
        "BERTH_S3_ACCESS_KEY": "AK" + token_hex(9).upper(),
        "BERTH_S3_SECRET_KEY": token_hex(20),
        "BERTH_MAAS_URL": "https://maas.internal:5443/MAAS",
        "BERTH_MAAS_API_KEY": ":".join(token_hex(9 + n) for n in (0, 1, 7)),
        "BERTH_STRIPE_SECRET_KEY": "sk_live_" + token_hex(24),
        "BERTH_STRIPE_WEBHOOK_SECRET": "whsec_" + token_hex(16),
        "BERTH_OIDC_ISSUER": "https://login.example.com/realms/people",
        "BERTH_OIDC_CLIENT_SECRET": token_hex(20),
        "BERTH_PKI_DIR": "/run/pki",
    }
    named: dict[str, Any] = {f"BERTH_{name}": value for name, value in changes.items()}
    return {name: value for name, value in (environment | named).items() if value is not None}
