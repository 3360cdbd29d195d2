"""Settings: frozen structs read once from the environment. Every variable is documented where it is declared.

There is no module-level instance: the composition root reads them and hands them on. Production refuses to start with
a missing secret or with one of the well-known development values.
"""

from collections.abc import Mapping
from pathlib import Path
from urllib.parse import unquote, urlsplit

import msgspec

LONGEST_SKEW = 600


class SettingsError(Exception):
    """A variable is missing or unusable; the text names it and says what it must be."""


class WebSettings(msgspec.Struct, frozen=True):
    public_url: str  # BERTH_PUBLIC_URL: the origin that browsers see, without a slash at the end
    host: str  # BERTH_HOST: the address that the web process binds
    port: int  # BERTH_PORT
    instance: str  # BERTH_INSTANCE: short name in cookie names, because cookies ignore ports
    secret_key: str  # BERTH_SECRET_KEY: 64 hex characters; signs CSRF tokens, wraps signing keys
    apps_url: str  # BERTH_APPS_URL: the origin of apps, with `*` for the app: https://*.apps.example.net

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
    clock_skew: int = 300  # BERTH_OIDC_CLOCK_SKEW: seconds that our clock and the provider's may be apart, at most 600
    # BERTH_OIDC_EARLIER_ISSUERS: providers of before, comma separated, whose word about an address we still take
    earlier_issuers: frozenset[str] = frozenset()


class TemporalSettings(msgspec.Struct, frozen=True):
    address: str  # BERTH_TEMPORAL_ADDRESS: host:port
    namespace: str = "default"  # BERTH_TEMPORAL_NAMESPACE
    task_queue: str = "berth"  # BERTH_TEMPORAL_TASK_QUEUE


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
    mail: MailSettings | None = None
    webhook_loopback: bool = False  # BERTH_WEBHOOK_LOOPBACK: yes lets webhooks go by http to this computer
    platform_admins: frozenset[str] = frozenset()  # BERTH_PLATFORM_ADMINS: verified e-mails, comma separated

    @property
    def development(self) -> bool:
        return self.env == "development"


def load_settings(environ: Mapping[str, str]) -> Settings:
    """Read the settings from `environ`. Raises SettingsError naming the first variable that is missing or wrong."""
    read = _Reader(environ)
    settings = Settings(
        env=read.choice("BERTH_ENV", ("development", "production"), "production"),
        web=_web(read),
        database=DatabaseSettings(
            url=read.text("BERTH_DATABASE_URL"),
            owner_url=read.optional("BERTH_DATABASE_OWNER_URL"),
            pool_size=read.number("BERTH_DATABASE_POOL", 10),
        ),
        valkey_url=read.text("BERTH_VALKEY_URL"),
        nats_url=read.text("BERTH_NATS_URL"),
        temporal=TemporalSettings(
            address=read.text("BERTH_TEMPORAL_ADDRESS"),
            namespace=read.text("BERTH_TEMPORAL_NAMESPACE", "default"),
            task_queue=read.text("BERTH_TEMPORAL_TASK_QUEUE", "berth"),
        ),
        s3=_s3(read),
        maas=_maas(read),
        stripe=_stripe(read),
        oidc=_oidc(read),
        pki_dir=Path(read.text("BERTH_PKI_DIR")),
        mail=_mail(read),
        webhook_loopback=read.choice("BERTH_WEBHOOK_LOOPBACK", ("yes", "no"), "no") == "yes",
        platform_admins=frozenset(part.lower() for part in read.parts("BERTH_PLATFORM_ADMINS")),
    )
    if settings.env == "production":
        _refuse_development_values(settings)
    return settings


def _web(read: "_Reader") -> WebSettings:
    public_url = read.text("BERTH_PUBLIC_URL").rstrip("/")
    return WebSettings(
        public_url=public_url,
        host=read.text("BERTH_HOST", "127.0.0.1"),
        port=read.number("BERTH_PORT", 8000),
        instance=read.text("BERTH_INSTANCE", "berth"),
        secret_key=read.secret("BERTH_SECRET_KEY", 64),
        apps_url=_apps_url(read, public_url),
    )


def _apps_url(read: "_Reader", public_url: str) -> str:
    """Without the variable, hosts below the portal's own: good for one computer, refused in production. To a browser
    every name below localhost is a site of its own, as every name below a public suffix is."""
    scheme, _, host = public_url.partition("://")
    below = "*" if host.partition(":")[0] == "localhost" else "*.apps"
    url = read.text("BERTH_APPS_URL", f"{scheme}://{below}.{host}").rstrip("/")
    parts = urlsplit(url)
    if url.count("*") != 1 or "*" not in parts.netloc or parts.scheme != scheme or parts.path:
        raise SettingsError(f"BERTH_APPS_URL must be an origin like {scheme}://*.apps.example.net")
    return url


def _s3(read: "_Reader") -> S3Settings:
    url = read.text("BERTH_S3_URL")
    return S3Settings(
        url=url,
        public_url=read.text("BERTH_S3_PUBLIC_URL", url),
        access_key=read.text("BERTH_S3_ACCESS_KEY"),
        secret_key=read.text("BERTH_S3_SECRET_KEY"),
        bucket=read.text("BERTH_S3_BUCKET", "berth"),
    )


def _maas(read: "_Reader") -> MaasSettings:
    return MaasSettings(
        url=read.text("BERTH_MAAS_URL"),
        api_key=read.text("BERTH_MAAS_API_KEY"),
        pool=read.text("BERTH_MAAS_POOL", "berth"),
        node_ssh_port=read.number("BERTH_NODE_SSH_PORT", 22),
    )


def _stripe(read: "_Reader") -> StripeSettings:
    return StripeSettings(
        secret_key=read.text("BERTH_STRIPE_SECRET_KEY"),
        webhook_secret=read.text("BERTH_STRIPE_WEBHOOK_SECRET"),
        api_url=read.optional("BERTH_STRIPE_API_URL"),
        checkout_origin=read.text("BERTH_STRIPE_CHECKOUT_ORIGIN", "https://checkout.stripe.com"),
    )


def _oidc(read: "_Reader") -> OidcSettings:
    skew = read.number("BERTH_OIDC_CLOCK_SKEW", 300)
    if skew > LONGEST_SKEW:
        raise SettingsError(f"BERTH_OIDC_CLOCK_SKEW must be at most {LONGEST_SKEW} seconds")
    return OidcSettings(
        issuer=read.text("BERTH_OIDC_ISSUER"),
        client_id=read.text("BERTH_OIDC_CLIENT_ID", "berth"),
        client_secret=read.text("BERTH_OIDC_CLIENT_SECRET"),
        name=read.text("BERTH_OIDC_NAME", "single sign-on"),
        clock_skew=skew,
        earlier_issuers=frozenset(read.parts("BERTH_OIDC_EARLIER_ISSUERS")),
    )


def _mail(read: "_Reader") -> MailSettings | None:
    url = read.optional("BERTH_SMTP_URL")
    if url is None:
        return None
    wrong = SettingsError("BERTH_SMTP_URL must be smtp://host:port or smtps://host:port")
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise wrong from error
    if host is None or parts.scheme not in ("smtp", "smtps"):
        raise wrong
    secure = parts.scheme == "smtps"
    sender = read.text("BERTH_MAIL_FROM")
    if "@" not in sender or not sender.isprintable():
        raise SettingsError("BERTH_MAIL_FROM must be an address, or `Name <address>`")
    return MailSettings(
        host=host,
        port=port or (465 if secure else 587),
        implicit_tls=secure,
        sender=sender,
        user=unquote(parts.username) if parts.username else None,
        password=unquote(parts.password) if parts.password else None,
    )


def _refuse_development_values(settings: Settings) -> None:
    if not settings.web.secure:
        raise SettingsError("BERTH_PUBLIC_URL must be an https address in production")
    portal = urlsplit(settings.web.public_url).hostname or ""
    site = ".".join(portal.split(".")[-2:])
    if f".{urlsplit(settings.web.apps_url).hostname or ''}".endswith(f".{site}"):
        raise SettingsError("BERTH_APPS_URL must be on a domain of its own: apps are programs of customers")
    if len(set(settings.web.secret_key)) < 8:
        raise SettingsError("BERTH_SECRET_KEY is not random")
    if settings.stripe.api_url and "127.0.0.1" in settings.stripe.api_url:
        raise SettingsError("BERTH_STRIPE_API_URL points at a simulator; leave it empty in production")
    if settings.webhook_loopback:
        raise SettingsError("BERTH_WEBHOOK_LOOPBACK is for development; leave it empty in production")


class _Reader:
    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ

    def text(self, name: str, default: str | None = None) -> str:
        value = self._environ.get(name) or default
        if value is None:
            raise SettingsError(f"{name} is not set")
        return value

    def optional(self, name: str) -> str | None:
        return self._environ.get(name) or None

    def parts(self, name: str) -> list[str]:
        return [part.strip() for part in self._environ.get(name, "").split(",") if part.strip()]

    def number(self, name: str, default: int) -> int:
        raw = self._environ.get(name) or str(default)
        if not raw.isdigit():
            raise SettingsError(f"{name} must be a whole number")
        return int(raw)

    def choice(self, name: str, allowed: tuple[str, ...], default: str) -> str:
        value = self.text(name, default)
        if value not in allowed:
            raise SettingsError(f"{name} must be one of: {', '.join(allowed)}")
        return value

    def secret(self, name: str, length: int) -> str:
        value = self.text(name)
        if len(value) != length or any(c not in "0123456789abcdef" for c in value):
            raise SettingsError(f"{name} must be {length} hexadecimal characters")
        return value
