"""Every setting of the product: its variable, what kind of value it takes, its default, what it is for.

`docs/settings.md` is made from this table. A value that is set and empty counts as not set.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from app.settings.addresses import VERIFIED, Address, HostAndPort, MailServer
from app.settings.hosts import Reach
from app.settings.kinds import (
    BindAddress,
    Choice,
    Folder,
    Kind,
    Listing,
    Mailbox,
    Network,
    Number,
    Seconds,
    Secret,
    Sender,
    Text,
)

T = TypeVar("T")
HTTP = {"https": True, "http": False}
PORT = Number(1, 65535)
DATABASE = Address(
    {"postgresql": False},
    "database",
    overrides=("plain",),
    plain_inside=True,
    login=True,
    path=r"/[^/]+",
    query={"sslmode": (*VERIFIED, "require"), "sslrootcert": (), "sslcert": (), "sslkey": (), "channel_binding": ()},
)
ISSUER = Address(HTTP, "oidc", Reach.WORLD, ("private",), path=r"(/[!-~]*)?")
YES_NO = ("yes", "no")
STRIPE_FORM = r"(sk|rk)_(test|live)_[A-Za-z0-9]+"
WEBHOOK_FORM = r"whsec_[A-Za-z0-9+/=_-]+"


@dataclass(frozen=True)
class Setting(Generic[T]):
    """One variable. `default` is text as it would be set; None: it must be set, or may be absent where `optional`."""

    name: str
    kind: Kind[T]
    meaning: str
    default: str | None = None
    optional: bool = False
    like: "Setting[T] | None" = None  # where it is not set, it is as that one

    @property
    def needed(self) -> bool:
        """Whether nothing works without it."""
        return self.default is None and not self.optional and self.like is None


ENV = Setting(
    "BERTH_ENV",
    Choice(("development", "production")),
    "`development` lowers every guard: never where others can reach it",
    "production",
)
ALLOW = Setting(
    "BERTH_ALLOW",
    Listing(Text("the name of an exception", r"[a-z0-9-]+", 40)),
    "names of [exceptions](#exceptions), separated by commas: what is let pass although production refuses it",
    optional=True,
)
PUBLIC_URL = Setting(
    "BERTH_PUBLIC_URL", Address(HTTP, "portal", Reach.WORLD, ("private",)), "the origin that browsers see"
)
APPS_URL = Setting(
    "BERTH_APPS_URL",
    Address(HTTP, "portal", Reach.WORLD, ("private",), wild=True),
    "the origins of [apps](apps.md), with `*` for the app: DNS and a certificate for all of them, on"
    " another registrable domain than the portal, because apps are programs of customers. In "
    "development: `*.localhost`",
    optional=True,
)
HOST = Setting(
    "BERTH_HOST", BindAddress(), "the address that web and the metrics ports bind (image: `0.0.0.0`)", "127.0.0.1"
)
WEB_PORT = Setting("BERTH_PORT", PORT, "the port that web binds", "8000")
TRUSTED_PROXIES = Setting(
    "BERTH_TRUSTED_PROXIES",
    Listing(Network()),
    "proxies whose `X-Forwarded-*` are believed; without it every client has the proxy's address "
    "(rate limits, session list)",
    optional=True,
)
INSTANCE = Setting(
    "BERTH_INSTANCE",
    Text("lower-case letters, digits and `-`", r"[a-z0-9][a-z0-9-]*", 32),
    "short name in cookie names",
    "berth",
)
SECRET_KEY = Setting(
    "BERTH_SECRET_KEY",
    Secret("64 hexadecimal characters (`openssl rand -hex 32`)", "[0-9a-f]{64}", bits=160),
    "signs CSRF tokens, wraps the keys that sign API tokens. Keep it; see [backups](operations.md#backups)",
)
DATABASE_URL = Setting(
    "BERTH_DATABASE_URL",
    DATABASE,
    "PostgreSQL as `berth_app`, a role that owns nothing and cannot change ledger and audit; the database is asked",
)
OWNER_URL = Setting(
    "BERTH_DATABASE_OWNER_URL",
    DATABASE,
    "PostgreSQL as `berth_owner`: for `berth migrate`, `backup` and `restore` only",
    optional=True,
)
POOL = Setting(
    "BERTH_DATABASE_POOL", Number(1, 200, "connections"), "connections per process; as many again under load", "10"
)
VALKEY_URL = Setting(
    "BERTH_VALKEY_URL",
    Address(
        {"rediss": True, "redis": False},
        "valkey",
        overrides=("plain",),
        plain_inside=True,
        login=True,
        path=r"(/[0-9]{0,3})?",
        query={"ssl_ca_certs": ()},
    ),
    "Valkey or Redis; it is asked whether it answers without the password",
)
NATS_URL = Setting(
    "BERTH_NATS_URL",
    Address({"tls": True, "nats": False}, "nats", overrides=("plain",), plain_inside=True, login=True),
    "NATS with JetStream, user and password or a token; it is asked whether it answers without them",
)
TEMPORAL_ADDRESS = Setting(
    "BERTH_TEMPORAL_ADDRESS", HostAndPort(), "the frontend of Temporal: inside a network, or with TLS"
)
TEMPORAL_TLS = Setting(
    "BERTH_TEMPORAL_TLS", Choice(YES_NO), "whether Temporal is spoken to by TLS, with its certificate checked", "no"
)
TEMPORAL_API_KEY = Setting(
    "BERTH_TEMPORAL_API_KEY", Secret(), "sent to Temporal with every call; only with TLS", optional=True
)
TEMPORAL_NAMESPACE = Setting("BERTH_TEMPORAL_NAMESPACE", Text("a name", r"[A-Za-z0-9._-]+"), "must exist", "default")
TEMPORAL_QUEUE = Setting(
    "BERTH_TEMPORAL_TASK_QUEUE", Text("a name", r"[A-Za-z0-9._-]+"), "where the provisioner's work waits", "berth"
)
S3_URL = Setting(
    "BERTH_S3_URL",
    Address(HTTP, "s3", Reach.NETWORK, ("plain", "local")),
    "the S3 endpoint as we call it; path addressing, signature version 4",
)
S3_PUBLIC_URL = Setting(
    "BERTH_S3_PUBLIC_URL",
    Address(HTTP, "portal", Reach.WORLD, ("private",)),
    "the endpoint as browsers see it: a signature covers the host. Named in the Content-Security-Policy",
    like=S3_URL,
)
S3_ACCESS_KEY = Setting(
    "BERTH_S3_ACCESS_KEY",
    Text("a name without spaces", r"[!-~]+"),
    "may read, write, list and delete in the bucket, multipart uploads included",
)
S3_SECRET_KEY = Setting("BERTH_S3_SECRET_KEY", Secret(), "the secret of that key")
S3_BUCKET = Setting(
    "BERTH_S3_BUCKET",
    Text("the name of a bucket", r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]", 63),
    "must exist, not be public, and allow `GET` and `PUT` from `BERTH_PUBLIC_URL` by CORS "
    "(headers `content-type`, `x-amz-checksum-sha256`); see [files](operations.md#files)",
    "berth",
)
MAAS_URL = Setting(
    "BERTH_MAAS_URL",
    Address(HTTP, "maas", Reach.NETWORK, ("plain", "local"), path=r"(/[A-Za-z0-9._~-]+)*/?"),
    "where MAAS is: `https://host:5443/MAAS`",
)
MAAS_API_KEY = Setting(
    "BERTH_MAAS_API_KEY",
    Secret("`consumer:token:secret`", r"[!-9;-~]+:[!-9;-~]+:[!-9;-~]+", parts=":"),
    "of a MAAS user of its own",
)
MAAS_POOL = Setting(
    "BERTH_MAAS_POOL",
    Text("the name of a pool", r"[A-Za-z0-9][A-Za-z0-9 _.-]*"),
    "only machines of this pool are ever touched",
    "berth",
)
NODE_SSH_PORT = Setting("BERTH_NODE_SSH_PORT", PORT, "where machines listen", "22")
STRIPE_KEY = Setting(
    "BERTH_STRIPE_SECRET_KEY",
    Secret(
        "a secret or restricted key of Stripe",
        STRIPE_FORM,
        good=("sk_live_", "rk_live_"),
        override="test-payments",
        parts="_",
    ),
    "what is charged is charged with it",
)
STRIPE_WEBHOOK = Setting(
    "BERTH_STRIPE_WEBHOOK_SECRET",
    Listing(Secret("a signing secret of Stripe (`whsec_…`)", WEBHOOK_FORM, parts="whsec_")),
    "of the webhook endpoint; several while rotating",
)
STRIPE_API_URL = Setting(
    "BERTH_STRIPE_API_URL",
    Address(HTTP, "stripe", Reach.WORLD, below="stripe.com"),
    "for another address of Stripe's own, or a simulator in development; without it, `https://api.stripe.com`",
    optional=True,
)
STRIPE_CHECKOUT = Setting(
    "BERTH_STRIPE_CHECKOUT_ORIGIN",
    Address(HTTP, "stripe", Reach.WORLD),
    "for the policy's `form-action`; change it with a custom checkout domain",
    "https://checkout.stripe.com",
)
OIDC_ISSUER = Setting(
    "BERTH_OIDC_ISSUER",
    ISSUER,
    "letter by letter as the provider names itself (`issuer` of its discovery document), a slash at the end included",
)
OIDC_CLIENT_ID = Setting(
    "BERTH_OIDC_CLIENT_ID", Text("printable ASCII (RFC 6749, A.1)", r"[ -~]+", 8192), "our name at the issuer", "berth"
)
OIDC_CLIENT_SECRET = Setting(
    "BERTH_OIDC_CLIENT_SECRET", Secret("printable ASCII (RFC 6749, A.2)", r"[ -~]+"), "our secret at the issuer"
)
OIDC_NAME = Setting("BERTH_OIDC_NAME", Text("a few words", r".+", 60), "what the button says", "single sign-on")
OIDC_SKEW = Setting(
    "BERTH_OIDC_CLOCK_SKEW",
    Number(0, 600, "seconds"),
    "how far our clock and the provider's may be apart",
    "300",
)
OIDC_SIGN_OUT = Setting(
    "BERTH_OIDC_SIGN_OUT",
    Choice(("everywhere", "here")),
    "whether signing out leads on to the provider's end of session, or ends ours only",
    "everywhere",
)
OIDC_EARLIER = Setting(
    "BERTH_OIDC_EARLIER_ISSUERS",
    Listing(ISSUER),
    "issuers of before: who proved an address there and proves it again at the present one is the same person; see "
    "[changing the identity provider](operations.md#changing-the-identity-provider)",
    optional=True,
)
SMTP_URL = Setting(
    "BERTH_SMTP_URL",
    MailServer(),
    "the mail server (STARTTLS, demanded unless the server is on this computer). Without it nothing is mailed",
    optional=True,
)
MAIL_FROM = Setting("BERTH_MAIL_FROM", Sender(), "sender of all mails; needed with a mail server", optional=True)
WEBHOOK_LOOPBACK = Setting(
    "BERTH_WEBHOOK_LOOPBACK",
    Choice(YES_NO, good=("no",)),
    "`yes` lets customers' webhooks go by http to this computer, for development",
    "no",
)
PKI_DIR = Setting(
    "BERTH_PKI_DIR", Folder(), "directory with `user_ca` and `host_ca`, which are two keys that nobody else can read"
)
PLATFORM_ADMINS = Setting(
    "BERTH_PLATFORM_ADMINS",
    Listing(Mailbox()),
    "verified e-mail addresses that get `platform_admin` when they sign in. Removing one takes "
    "nothing away: delete the row in `auth.memberships` too",
    optional=True,
)
DRAIN_SECONDS = Setting(
    "BERTH_DRAIN_SECONDS",
    Seconds(0, 600),
    "web: how long it goes on answering after SIGTERM while `/readyz` says no; see [a rolling "
    "upgrade](operations.md#a-rolling-upgrade)",
    "0",
)
METRICS_PORT = Setting(
    "BERTH_METRICS_PORT",
    PORT,
    "worker, provisioner and terminal host: the port on which they answer Prometheus",
    optional=True,
)
TERMINAL_PORT = Setting(
    "BERTH_TERMINAL_PORT",
    Number(0, 65535),
    "terminal host: the port on which web processes reach it, at `BERTH_HOST`; with 0 any that is free",
    "0",
)
TERMINAL_ADDRESS = Setting(
    "BERTH_TERMINAL_ADDRESS",
    BindAddress(),
    "terminal host: the address or host name under which web processes reach it; without it `BERTH_HOST`, and where "
    "that is `0.0.0.0` the address that this computer's own name stands for",
    optional=True,
)
TERMINAL_DRAIN_SECONDS = Setting(
    "BERTH_TERMINAL_DRAIN_SECONDS",
    Seconds(0, 86_400),
    "terminal host: how long it waits after SIGTERM for its shells to end; it takes no new ones meanwhile, and tells "
    "the people at them",
    "0",
)
OTLP_URL = Setting(
    "BERTH_OTLP_URL",
    Address(HTTP, plain_inside=True, path=r"(/[A-Za-z0-9._~-]+)*/?"),
    "a collector of OpenTelemetry, such as `http://collector:4318`, to which spans are sent; without it none are made",
    optional=True,
)
TRACES_ONE_IN = Setting(
    "BERTH_TRACES_ONE_IN",
    Number(1, 1_000_000),
    "one in so many traces is sampled, the same ones in every process",
    "100",
)
PG_BIN = Setting(
    "BERTH_PG_BIN",
    Folder(),
    "`berth backup` and `restore`: the directory with `pg_dump`, `pg_restore`, `psql`, not older "
    "than the server; without it, PATH",
    optional=True,
)
VERSION = Setting(
    "BERTH_VERSION",
    Text("a version", r"[!-~]+", 60),
    "shown at `/api/v1/buildinfo`; set by the image's build arguments",
    "0.1.0",
)
COMMIT = Setting("BERTH_COMMIT", Text("a commit", r"[!-~]+", 60), "the same", "unknown")


def _all() -> Iterator[Setting[Any]]:
    return (found for found in globals().values() if isinstance(found, Setting))


SETTINGS: dict[str, Setting[Any]] = {setting.name: setting for setting in _all()}
OVERRIDES = {
    "local-maas": "MAAS is on this computer",
    "local-s3": "the store of files is on this computer",
    "plain-database": (
        "PostgreSQL is at a public name and not spoken to by checked TLS: somebody else keeps the road closed"
    ),
    "plain-maas": (
        "MAAS is spoken to by http: whoever sees the network between reads its key's signatures and answers"
    ),
    "plain-nats": "NATS is at a public name and spoken to without TLS",
    "plain-s3": "files pass the network between us and their store by http",
    "plain-temporal": "Temporal is at a public name and spoken to without TLS",
    "plain-valkey": "Valkey is at a public name and spoken to without TLS: sessions pass that network in the clear",
    "private-oidc": "the issuer has a name that only a private network knows",
    "private-portal": "portal, apps and files have names that only a private network knows",
    "shared-owner": "processes that need it not hold the password of the database's owner",
    "test-payments": "Stripe's test keys: nobody is charged, and credit costs nothing",
}
