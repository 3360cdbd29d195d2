"""From values to the structs that the product is handed."""

from collections.abc import Mapping

from app.settings import table as of
from app.settings.addresses import Url
from app.settings.reading import Values, read_values
from app.settings.structs import (
    DatabaseSettings,
    MaasSettings,
    MailSettings,
    OidcSettings,
    S3Settings,
    Settings,
    StripeSettings,
    TemporalSettings,
    TerminalSettings,
    TracingSettings,
    WebSettings,
)


def load_settings(environ: Mapping[str, str]) -> Settings:
    """The settings of a process. Raises SettingsError naming every variable that is missing or wrong."""
    found = read_values(environ)
    admins: tuple[str, ...] = found.find(of.PLATFORM_ADMINS) or ()
    return Settings(
        env=found[of.ENV],
        web=_web(found),
        database=_database(found),
        valkey_url=found[of.VALKEY_URL].text,
        nats_url=found[of.NATS_URL].text,
        temporal=_temporal(found),
        s3=_s3(found),
        maas=_maas(found),
        stripe=_stripe(found),
        oidc=_oidc(found),
        pki_dir=found[of.PKI_DIR],
        terminal=_terminal(found),
        mail=_mail(found),
        webhook_loopback=found[of.WEBHOOK_LOOPBACK] == "yes",
        platform_admins=frozenset(admins),
        metrics_port=found.find(of.METRICS_PORT),
        tracing=_tracing(found),
        allowed=found.allowed,
    )


def _tracing(found: Values) -> TracingSettings | None:
    url = found.find(of.OTLP_URL)
    return TracingSettings(url=url.text.rstrip("/"), one_in=found[of.TRACES_ONE_IN]) if url else None


def _web(found: Values) -> WebSettings:
    portal, apps = found[of.PUBLIC_URL], found.find(of.APPS_URL)
    if apps is None:  # development: to a browser every name below localhost is a site of its own
        below = portal if portal.host == "localhost" else portal._replace(host=f"apps.{portal.host}")
        apps = below._replace(wild=True)
    return WebSettings(
        public_url=portal.origin,
        host=found[of.HOST],
        port=found[of.WEB_PORT],
        instance=found[of.INSTANCE],
        secret_key=found[of.SECRET_KEY],
        apps_url=apps.origin,
        trusted_proxies=tuple(str(network) for network in found.find(of.TRUSTED_PROXIES) or ()),
        drain_seconds=found[of.DRAIN_SECONDS],
    )


def _database(found: Values) -> DatabaseSettings:
    owner = found.find(of.OWNER_URL)
    return DatabaseSettings(
        url=found[of.DATABASE_URL].text, owner_url=owner.text if owner else None, pool_size=found[of.POOL]
    )


def _temporal(found: Values) -> TemporalSettings:
    return TemporalSettings(
        address=found[of.TEMPORAL_ADDRESS],
        namespace=found[of.TEMPORAL_NAMESPACE],
        task_queue=found[of.TEMPORAL_QUEUE],
        tls=found[of.TEMPORAL_TLS] == "yes",
        api_key=found.find(of.TEMPORAL_API_KEY),
    )


def _terminal(found: Values) -> TerminalSettings:
    return TerminalSettings(
        port=found[of.TERMINAL_PORT],
        address=found.find(of.TERMINAL_ADDRESS),
        drain_seconds=found[of.TERMINAL_DRAIN_SECONDS],
    )


def _s3(found: Values) -> S3Settings:
    return S3Settings(
        url=found[of.S3_URL].origin,
        public_url=found[of.S3_PUBLIC_URL].origin,
        access_key=found[of.S3_ACCESS_KEY],
        secret_key=found[of.S3_SECRET_KEY],
        bucket=found[of.S3_BUCKET],
    )


def _maas(found: Values) -> MaasSettings:
    return MaasSettings(
        url=found[of.MAAS_URL].text.rstrip("/"),
        api_key=found[of.MAAS_API_KEY],
        pool=found[of.MAAS_POOL],
        node_ssh_port=found[of.NODE_SSH_PORT],
    )


def _stripe(found: Values) -> StripeSettings:
    api = found.find(of.STRIPE_API_URL)
    secrets: tuple[str, ...] = found[of.STRIPE_WEBHOOK]
    return StripeSettings(
        secret_key=found[of.STRIPE_KEY],
        webhook_secret=",".join(secrets),
        api_url=api.origin if api else None,
        checkout_origin=found[of.STRIPE_CHECKOUT].origin,
    )


def _oidc(found: Values) -> OidcSettings:
    earlier: tuple[Url, ...] = found.find(of.OIDC_EARLIER) or ()
    return OidcSettings(
        issuer=found[of.OIDC_ISSUER].text,
        client_id=found[of.OIDC_CLIENT_ID],
        client_secret=found[of.OIDC_CLIENT_SECRET],
        name=found[of.OIDC_NAME],
        clock_skew=found[of.OIDC_SKEW],
        earlier_issuers=frozenset(issuer.text for issuer in earlier),
        signs_out=found[of.OIDC_SIGN_OUT] == "everywhere",
    )


def _mail(found: Values) -> MailSettings | None:
    """Without BERTH_SMTP_URL nothing is mailed, and the pages say so."""
    server = found.find(of.SMTP_URL)
    if server is None:
        return None
    secure = server.scheme == "smtps"
    return MailSettings(
        host=server.host,
        port=server.port or (465 if secure else 587),
        implicit_tls=secure,
        sender=found[of.MAIL_FROM],
        user=server.user or None,
        password=server.password or None,
    )
