"""Settings: what every process is told by its environment, read once, checked at once, frozen.

There is no module-level instance: the composition root reads them and hands them on. `table` holds every setting with
what a good value is; production refuses to start with any other, and names all of them.
"""

from app.settings.load import load_settings
from app.settings.reading import SettingsError, read_values, unknown_names
from app.settings.structs import (
    SIGN_IN_COOKIE,
    Allowed,
    DatabaseSettings,
    MaasSettings,
    MailSettings,
    OidcSettings,
    S3Settings,
    Settings,
    StripeSettings,
    TemporalSettings,
    TracingSettings,
    WebSettings,
)
from app.settings.together import Fault

__all__ = [
    "SIGN_IN_COOKIE",
    "Allowed",
    "DatabaseSettings",
    "Fault",
    "MaasSettings",
    "MailSettings",
    "OidcSettings",
    "S3Settings",
    "Settings",
    "SettingsError",
    "StripeSettings",
    "TemporalSettings",
    "TracingSettings",
    "WebSettings",
    "load_settings",
    "read_values",
    "unknown_names",
]
