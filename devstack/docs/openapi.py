"""The API's description, as the application that describes itself would answer it."""

import json

from app.asgi import create_app
from app.settings import load_settings
from app.shared.context import Runtime
from app.shared.db import Database
from app.shared.rdb import connect
from app.web.openapi.document import described

# The description needs an application, and that needs settings; nothing is connected to.
NOWHERE = {
    "BERTH_ENV": "development",
    "BERTH_PUBLIC_URL": "http://localhost:8000",
    "BERTH_SECRET_KEY": "0123456789abcdef" * 4,
    "BERTH_DATABASE_URL": "postgresql://nobody@127.0.0.1:1/nowhere",
    "BERTH_VALKEY_URL": "redis://127.0.0.1:1/0",
    "BERTH_NATS_URL": "nats://127.0.0.1:1",
    "BERTH_TEMPORAL_ADDRESS": "127.0.0.1:1",
    "BERTH_S3_URL": "http://127.0.0.1:1",
    "BERTH_S3_ACCESS_KEY": "-",
    "BERTH_S3_SECRET_KEY": "-",
    "BERTH_MAAS_URL": "http://127.0.0.1:1/MAAS",
    "BERTH_MAAS_API_KEY": "a:b:c",
    "BERTH_STRIPE_SECRET_KEY": "sk_test_0",
    "BERTH_STRIPE_WEBHOOK_SECRET": "whsec_0",
    "BERTH_OIDC_ISSUER": "http://localhost:1",
    "BERTH_OIDC_CLIENT_SECRET": "-",
    "BERTH_PKI_DIR": "nowhere",
}


def openapi() -> str:
    """The API's description as JSON, one line a value, so that a change is seen in a diff."""
    settings = load_settings(NOWHERE)
    runtime = Runtime(settings, Database(settings.database), connect(settings.valkey_url))
    return json.dumps(described(create_app(runtime)), indent=1, ensure_ascii=False) + "\n"
