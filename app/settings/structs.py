"""The settings as the product sees them: frozen structs, each field with the variable that it comes from."""

from pathlib import Path
from urllib.parse import urlsplit

import msgspec

SIGN_IN_COOKIE = "login-"  # how the names of the cookies begin that a browser holds while it signs in


class Allowed(msgspec.Struct, frozen=True):
    """An exception that was named in BERTH_ALLOW, and the settings that make use of it."""

    name: str
    meaning: str
    settings: tuple[str, ...] = ()


class WebSettings(msgspec.Struct, frozen=True):
    public_url: str  # BERTH_PUBLIC_URL: the origin that browsers see, without a slash at the end
    host: str  # BERTH_HOST: the address that the web process binds
    port: int  # BERTH_PORT
    instance: str  # BERTH_INSTANCE: short name in cookie names, because cookies ignore ports
    secret_key: str  # BERTH_SECRET_KEY: 64 hex characters; signs CSRF tokens, wraps signing keys
    apps_url: str  # BERTH_APPS_URL: the origin of apps, with `*` for the app: https://*.apps.example.net
    trusted_proxies: tuple[str, ...] = ()  # BERTH_TRUSTED_PROXIES: addresses and networks
    drain_seconds: float = 0.0  # BERTH_DRAIN_SECONDS

    @property
    def scheme(self) -> str:
        """http or https, as browsers reach us: a load balancer may reach us otherwise."""
        return urlsplit(self.public_url).scheme

    @property
    def secure(self) -> bool:
        """Whether browsers reach us by https, so that cookies may be `Secure` and `__Host-`."""
        return urlsplit(self.public_url).scheme == "https"

    def cookie(self, name: str) -> str:
        """The full name of one of our cookies: `__Host-` wherever the scheme allows it."""
        return f"__Host-{self.instance}-{name}" if self.secure else f"{self.instance}-{name}"


class DatabaseSettings(msgspec.Struct, frozen=True):
    url: str  # BERTH_DATABASE_URL: as the app's role, which cannot change ledger or audit rows
    owner_url: str | None = None  # BERTH_DATABASE_OWNER_URL: for `berth migrate` only
    pool_size: int = 10  # BERTH_DATABASE_POOL: connections per process


class MaasSettings(msgspec.Struct, frozen=True):
    url: str  # BERTH_MAAS_URL: http://host:5240/MAAS
    api_key: str  # BERTH_MAAS_API_KEY: consumer:token:secret
    pool: str = "berth"  # BERTH_MAAS_POOL: only machines of this pool are ours to touch
    node_ssh_port: int = 22  # BERTH_NODE_SSH_PORT


class StripeSettings(msgspec.Struct, frozen=True):
    secret_key: str  # BERTH_STRIPE_SECRET_KEY
    webhook_secret: str  # BERTH_STRIPE_WEBHOOK_SECRET: several may be given, separated by a comma, while rotating
    api_url: str | None = None  # BERTH_STRIPE_API_URL: empty means the real Stripe
    checkout_origin: str = "https://checkout.stripe.com"  # BERTH_STRIPE_CHECKOUT_ORIGIN: for the CSP's form-action

    @property
    def webhook_secrets(self) -> list[str]:
        return [part.strip() for part in self.webhook_secret.split(",") if part.strip()]


class OidcSettings(msgspec.Struct, frozen=True):
    issuer: str  # BERTH_OIDC_ISSUER: letter by letter as the provider names itself, a slash at the end included
    client_id: str  # BERTH_OIDC_CLIENT_ID
    client_secret: str  # BERTH_OIDC_CLIENT_SECRET
    name: str = "single sign-on"  # BERTH_OIDC_NAME: what the button says
    clock_skew: int = 300  # BERTH_OIDC_CLOCK_SKEW: seconds that our clock and the provider's may be apart
    # BERTH_OIDC_EARLIER_ISSUERS: providers of before whose word about an address we still take
    earlier_issuers: frozenset[str] = frozenset()
    signs_out: bool = True  # BERTH_OIDC_SIGN_OUT: everywhere | here


class TemporalSettings(msgspec.Struct, frozen=True):
    address: str  # BERTH_TEMPORAL_ADDRESS: host:port
    namespace: str = "default"  # BERTH_TEMPORAL_NAMESPACE
    task_queue: str = "berth"  # BERTH_TEMPORAL_TASK_QUEUE
    tls: bool = False  # BERTH_TEMPORAL_TLS
    api_key: str | None = None  # BERTH_TEMPORAL_API_KEY


class TerminalSettings(msgspec.Struct, frozen=True):
    port: int = 0  # BERTH_TERMINAL_PORT
    address: str | None = None  # BERTH_TERMINAL_ADDRESS
    drain_seconds: float = 0.0  # BERTH_TERMINAL_DRAIN_SECONDS


class S3Settings(msgspec.Struct, frozen=True):
    url: str  # BERTH_S3_URL: as we call it
    public_url: str  # BERTH_S3_PUBLIC_URL: as the browser sees it (a signature covers the host)
    access_key: str  # BERTH_S3_ACCESS_KEY
    secret_key: str  # BERTH_S3_SECRET_KEY
    bucket: str = "berth"  # BERTH_S3_BUCKET


class MailSettings(msgspec.Struct, frozen=True):
    """Without BERTH_SMTP_URL nothing is mailed, and the pages say so."""

    host: str  # BERTH_SMTP_URL: smtp://user:password@host:587 (STARTTLS when offered) or smtps://host:465
    port: int
    implicit_tls: bool
    sender: str  # BERTH_MAIL_FROM: `Name <address>`, as recipients see it
    user: str | None = None
    password: str | None = None

    @property
    def must_encrypt(self) -> bool:
        """A password or a mail never leaves this computer in the clear."""
        return self.host not in ("127.0.0.1", "::1", "localhost")


class TracingSettings(msgspec.Struct, frozen=True):
    """Without BERTH_OTLP_URL no span is made."""

    url: str  # BERTH_OTLP_URL, without a slash at its end
    one_in: int = 100  # BERTH_TRACES_ONE_IN


class Settings(msgspec.Struct, frozen=True):
    env: str  # BERTH_ENV: development | production
    web: WebSettings
    database: DatabaseSettings
    valkey_url: str  # BERTH_VALKEY_URL
    nats_url: str  # BERTH_NATS_URL
    temporal: TemporalSettings
    s3: S3Settings
    maas: MaasSettings
    stripe: StripeSettings
    oidc: OidcSettings
    pki_dir: Path  # BERTH_PKI_DIR: holds user_ca and host_ca, OpenSSH private keys
    terminal: TerminalSettings = TerminalSettings()
    mail: MailSettings | None = None
    webhook_loopback: bool = False  # BERTH_WEBHOOK_LOOPBACK: yes lets webhooks go by http to this computer
    platform_admins: frozenset[str] = frozenset()  # BERTH_PLATFORM_ADMINS: verified e-mails, in lower case
    metrics_port: int | None = None  # BERTH_METRICS_PORT
    tracing: TracingSettings | None = None
    allowed: tuple[Allowed, ...] = ()  # BERTH_ALLOW: what production lets pass

    @property
    def development(self) -> bool:
        return self.env == "development"
