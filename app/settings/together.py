"""What must be true of several settings at once. Each rule looks at what is there and names the setting at fault."""

from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

from app.settings import table
from app.settings.addresses import Url
from app.settings.hosts import Reach, address_of, reach_of, site_of
from app.settings.table import SETTINGS

Values = Mapping[str, object]


class Fault(NamedTuple):
    """What is wrong with one setting, without its value; `override` names what lets it pass, "" for nothing."""

    setting: str
    text: str
    override: str = ""


Rule = Callable[[Values], Iterator[Fault]]


def _url(values: Values, setting: table.Setting[Url]) -> Url | None:
    found = values.get(setting.name)
    return found if isinstance(found, Url) else None


def apps_use_the_scheme_of_the_portal(values: Values) -> Iterator[Fault]:
    portal, apps = _url(values, table.PUBLIC_URL), _url(values, table.APPS_URL)
    if portal and apps and portal.scheme != apps.scheme:
        yield Fault(table.APPS_URL.name, "must begin as BERTH_PUBLIC_URL does")


def a_mail_server_needs_a_sender(values: Values) -> Iterator[Fault]:
    if table.SMTP_URL.name in values and table.MAIL_FROM.name not in values:
        yield Fault(table.MAIL_FROM.name, "must be set with BERTH_SMTP_URL")


def keys_go_by_tls_only(values: Values) -> Iterator[Fault]:
    if table.TEMPORAL_API_KEY.name in values and values.get(table.TEMPORAL_TLS.name) != "yes":
        yield Fault(table.TEMPORAL_API_KEY.name, "needs BERTH_TEMPORAL_TLS=yes: it is not sent in the clear")


def development_stays_at_home(values: Values) -> Iterator[Fault]:
    """People sign in without a password there."""
    if values.get(table.ENV.name) != "development":
        return
    portal, bound = _url(values, table.PUBLIC_URL), values.get(table.HOST.name)
    address = address_of(str(bound))
    if isinstance(bound, str) and bound != "localhost" and not (address and address.is_loopback):
        yield Fault(table.HOST.name, "must be of this computer alone in development, such as 127.0.0.1")
    if portal and reach_of(portal.host) == Reach.WORLD:
        yield Fault(
            table.ENV.name, "must be production at a public name: development lets people in without a password"
        )


def apps_have_a_site_of_their_own(values: Values) -> Iterator[Fault]:
    """To a browser one registrable domain is one site: cookies, and what SameSite lets pass."""
    portal, apps = _url(values, table.PUBLIC_URL), _url(values, table.APPS_URL)
    if portal and apps is None and table.APPS_URL.name not in values:
        yield Fault(table.APPS_URL.name, "must be set: the domain of apps is another than the portal's")
    if portal and apps and site_of(portal.host) in (site_of(apps.host), site_of(f"app.{apps.host}")):
        yield Fault(
            table.APPS_URL.name,
            "must be on another registrable domain than BERTH_PUBLIC_URL: apps are programs of customers",
        )


def nothing_of_ours_lies_among_the_apps(values: Values) -> Iterator[Fault]:
    apps = _url(values, table.APPS_URL)
    for name, value in values.items():
        if (
            apps
            and name != table.APPS_URL.name
            and isinstance(value, Url)
            and f".{value.host}".endswith(f".{apps.host}")
        ):
            yield Fault(name, "must not be below BERTH_APPS_URL: names there belong to programs of customers")


def files_have_a_host_of_their_own(values: Values) -> Iterator[Fault]:
    portal, files = _url(values, table.PUBLIC_URL), _url(values, table.S3_PUBLIC_URL)
    if portal and files and portal.host == files.host:
        yield Fault(
            table.S3_PUBLIC_URL.name,
            "must be at another host than BERTH_PUBLIC_URL: files are what customers put there",
        )


def temporal_is_near_or_encrypted(values: Values) -> Iterator[Fault]:
    address = values.get(table.TEMPORAL_ADDRESS.name)
    if isinstance(address, str) and values.get(table.TEMPORAL_TLS.name) != "yes":
        if reach_of(address.rpartition(":")[0].strip("[]")) == Reach.WORLD:
            yield Fault(table.TEMPORAL_TLS.name, "must be yes: Temporal is at a public name", "plain-temporal")


def owner_is_somebody_else(values: Values) -> Iterator[Fault]:
    ours, owners = _url(values, table.DATABASE_URL), _url(values, table.OWNER_URL)
    if ours and owners and ours.user == owners.user:
        yield Fault(table.DATABASE_URL.name, "must name another role than BERTH_DATABASE_OWNER_URL")
    if ours and owners:
        yield Fault(
            table.OWNER_URL.name,
            "must not be set here: it is for berth migrate, backup and restore alone",
            "shared-owner",
        )


def secrets_are_different(values: Values) -> Iterator[Fault]:
    """Who learns one has learned one."""
    seen: dict[str, str] = {}
    for name, value in values.items():
        for secret in SETTINGS[name].kind.secrets_of(value):
            first = seen.setdefault(secret, name)
            if first != name:
                yield Fault(name, f"must not hold the same secret as {first}")
    if values.get(table.S3_ACCESS_KEY.name) in seen:
        yield Fault(table.S3_ACCESS_KEY.name, "must not be a secret: it is shown to browsers")


ALWAYS: tuple[Rule, ...] = (
    apps_use_the_scheme_of_the_portal,
    a_mail_server_needs_a_sender,
    keys_go_by_tls_only,
    development_stays_at_home,
)
PRODUCTION: tuple[Rule, ...] = (
    apps_have_a_site_of_their_own,
    nothing_of_ours_lies_among_the_apps,
    files_have_a_host_of_their_own,
    temporal_is_near_or_encrypted,
    owner_is_somebody_else,
    secrets_are_different,
)
