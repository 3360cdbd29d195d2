"""What production refuses: a table of values and their siblings. Each is one change of an environment that is good;
each fault names its setting, all are named at once, and no value is ever in the text."""

from hashlib import shake_256
from secrets import token_hex

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.settings import SettingsError, load_settings
from app.settings.guessing import bits_of
from app.settings.hosts import Reach, is_host, reach_of, site_of
from app.settings.table import OVERRIDES, SETTINGS
from tests.settings.good import good_environment


def noise(size: int) -> str:
    """Looks as random as a secret and is the same in every process: names of tests are made of it."""
    return shake_256(b"noise").hexdigest(size)


PASSWORD = "Zr8mQ2xV7bK4nT9wL3pD"
WEAK = "secret"
ADDRESSES = {  # of a portal; all others read addresses the same way
    "every host": "https://*",
    "below everybody": "https://*.example.com",
    "path": "https://cloud.example.com/portal",
    "query": "https://cloud.example.com?x=1",
    "empty query": "https://cloud.example.com/?",
    "fragment": "https://cloud.example.com#x",
    "user": f"https://me:{PASSWORD}@cloud.example.com",
    "empty user": "https://@cloud.example.com",
    "dot at the end": "https://cloud.example.com.",
    "dot at the beginning": "https://.example.com",
    "two dots": "https://cloud..example.com",
    "capitals": "https://Cloud.example.com",
    "scheme in capitals": "HTTPS://cloud.example.com",
    "not in ASCII": "https://bücher.example.com",
    "own port": "https://cloud.example.com:443",
    "port 0": "https://cloud.example.com:0",
    "no port": "https://cloud.example.com:",
    "port too large": "https://cloud.example.com:65536",
    "no scheme": "cloud.example.com",
    "other scheme": "ftp://cloud.example.com",
    "script": "javascript:alert(1)",
    "http": "http://cloud.example.com",
    "this computer": "https://localhost",
    "below this computer": "https://cloud.localhost:8443",
    "loopback": "https://127.0.0.1",
    "loopback in six": "https://[::1]",
    "loopback in another spelling": "https://2130706433",
    "loopback in hex": "https://0x7f000001",
    "loopback, mapped": "https://[::ffff:127.0.0.1]",
    "everywhere": "https://0.0.0.0",
    "metadata of a cloud": "https://169.254.169.254",
    "private": "https://10.1.2.3",
    "private name": "https://cloud.internal",
    "one word": "https://cloud",
    "reserved": "https://cloud.example",
    "public suffix": "https://co.uk",
    "public suffix of somebody": "https://github.io",
    "top": "https://com",
    "space": "https://cloud.example.com https://other.example.com",
    "tab": "https://cloud.exa\tmple.com",
    "backslash": "https://cloud.example.com\\@evil.example.com",
    "percent": "https://cloud%2eexample.com",
    "nothing": "https://",
    "label too long": f"https://{'a' * 64}.example.com",
}
VALUES: list[tuple[str, str]] = [
    *(("PUBLIC_URL", value) for value in ADDRESSES.values()),
    ("APPS_URL", ""),
    ("APPS_URL", "https://*.example.com"),
    ("APPS_URL", "https://*.cloud.example.com"),
    ("APPS_URL", "https://*.apps.example.com"),
    ("APPS_URL", "https://apps.example.net"),
    ("APPS_URL", "https://*.*.example.net"),
    ("APPS_URL", "https://app-*.example.net"),
    ("APPS_URL", "https://*.net"),
    ("APPS_URL", "https://*.co.uk"),
    ("APPS_URL", "https://*.localhost"),
    ("APPS_URL", "http://*.apps.example.net"),
    ("APPS_URL", "https://*.apps.example.net/x"),
    ("SECRET_KEY", "0" * 64),
    ("SECRET_KEY", "0123456789abcdef" * 4),
    ("SECRET_KEY", "deadbeef" * 8),
    ("SECRET_KEY", noise(4) * 8),
    ("SECRET_KEY", noise(31)),
    ("SECRET_KEY", noise(32).upper()),
    ("DATABASE_URL", "postgresql://berth_app@postgres/berth"),
    ("DATABASE_URL", f"postgresql://berth_app:{WEAK}@postgres/berth"),
    ("DATABASE_URL", f"postgresql://berth_app:{PASSWORD}@postgres"),
    ("DATABASE_URL", f"postgresql://:{PASSWORD}@postgres/berth"),
    ("DATABASE_URL", f"postgres://berth_app:{PASSWORD}@postgres/berth"),
    ("DATABASE_URL", f"mysql://berth_app:{PASSWORD}@postgres/berth"),
    ("DATABASE_URL", f"postgresql://berth_app:{PASSWORD}@db.example.com/berth"),
    ("DATABASE_URL", f"postgresql://berth_app:{PASSWORD}@db.example.com/berth?sslmode=require"),
    ("DATABASE_URL", f"postgresql://berth_app:{PASSWORD}@postgres/berth?sslmode=disable"),
    ("DATABASE_URL", f"postgresql://berth_app:{PASSWORD}@postgres/berth?user=berth_owner"),
    ("DATABASE_URL", f"postgresql://berth_app:{PASSWORD}@postgres/berth?sslmode=verify-full&sslmode=disable"),
    ("DATABASE_URL", f"postgresql://berth_app:{PASSWORD}@postgres/berth?options=-crole%3Dberth_owner"),
    ("DATABASE_OWNER_URL", f"postgresql://berth_owner:{PASSWORD}@postgres/berth"),
    ("DATABASE_POOL", "0"),
    ("DATABASE_POOL", "-1"),
    ("DATABASE_POOL", "1000000"),
    ("DATABASE_POOL", "ten"),
    ("DATABASE_POOL", "1e3"),
    ("DATABASE_POOL", "١٠"),
    ("VALKEY_URL", "redis://valkey:6379/0"),
    ("VALKEY_URL", "redis://:@valkey:6379/0"),
    ("VALKEY_URL", f"redis://:{WEAK}@valkey:6379/0"),
    ("VALKEY_URL", f"redis://:{PASSWORD}@valkey.example.com:6379/0"),
    ("VALKEY_URL", f"rediss://:{PASSWORD}@valkey:6379/0?ssl_cert_reqs=none"),
    ("VALKEY_URL", f"rediss://:{PASSWORD}@valkey:6379/0?ssl_check_hostname=false"),
    ("VALKEY_URL", f"redis://:{PASSWORD}@valkey:6379/one"),
    ("VALKEY_URL", f"unix://:{PASSWORD}@/run/valkey"),
    ("NATS_URL", "nats://nats:4222"),
    ("NATS_URL", "nats://berth@nats:4222"),
    ("NATS_URL", f"nats://berth:{WEAK}@nats:4222"),
    ("NATS_URL", f"nats://berth:{PASSWORD}@nats.example.com:4222"),
    ("NATS_URL", f"nats://berth:{PASSWORD}@nats:4222/x"),
    ("TEMPORAL_ADDRESS", "temporal"),
    ("TEMPORAL_ADDRESS", "temporal:0"),
    ("TEMPORAL_ADDRESS", "http://temporal:7233"),
    ("TEMPORAL_ADDRESS", "temporal:7233/x"),
    ("TEMPORAL_ADDRESS", f"me:{PASSWORD}@temporal:7233"),
    ("TEMPORAL_TLS", "true"),
    ("TEMPORAL_API_KEY", PASSWORD),
    ("TEMPORAL_NAMESPACE", "a b"),
    ("S3_URL", "http://s3.internal:8333"),
    ("S3_URL", "https://localhost:8333"),
    ("S3_URL", "https://127.0.0.1:8333"),
    ("S3_URL", "https://s3.internal/bucket"),
    ("S3_PUBLIC_URL", ""),
    ("S3_PUBLIC_URL", "http://files.example.com"),
    ("S3_PUBLIC_URL", "https://localhost:8333"),
    ("S3_PUBLIC_URL", "https://cloud.example.com:8443"),
    ("S3_PUBLIC_URL", "https://files.apps.example.net"),
    ("S3_SECRET_KEY", "test"),
    ("S3_BUCKET", "Berth Files"),
    ("S3_BUCKET", "../x"),
    ("MAAS_URL", "http://maas.internal:5240/MAAS"),
    ("MAAS_URL", "https://127.0.0.1:5240/MAAS"),
    ("MAAS_URL", "https://maas.internal/MAAS?x=1"),
    ("MAAS_API_KEY", "consumer:token:secret"),
    ("MAAS_API_KEY", PASSWORD),
    ("MAAS_API_KEY", "a:b:c:d"),
    ("NODE_SSH_PORT", "0"),
    ("NODE_SSH_PORT", "65536"),
    ("STRIPE_SECRET_KEY", "sk_test_" + noise(24)),
    ("STRIPE_SECRET_KEY", "pk_live_" + noise(24)),
    ("STRIPE_SECRET_KEY", "sk_live_" + "0" * 48),
    ("STRIPE_SECRET_KEY", "x"),
    ("STRIPE_WEBHOOK_SECRET", "x"),
    ("STRIPE_WEBHOOK_SECRET", "whsec_x"),
    ("STRIPE_WEBHOOK_SECRET", "whsec_" + "0" * 32),
    ("STRIPE_WEBHOOK_SECRET", f"whsec_{PASSWORD},whsec_{PASSWORD}"),
    ("STRIPE_WEBHOOK_SECRET", f"whsec_{PASSWORD},"),
    ("STRIPE_WEBHOOK_SECRET", f"whsec_{PASSWORD},whsec_x"),
    ("STRIPE_API_URL", "http://127.0.0.1:8080"),
    ("STRIPE_API_URL", "http://api.stripe.com"),
    ("STRIPE_API_URL", "https://api.stripe.com.example.net"),
    ("STRIPE_API_URL", "https://notstripe.com"),
    ("STRIPE_CHECKOUT_ORIGIN", "http://localhost:1"),
    ("STRIPE_CHECKOUT_ORIGIN", "https://*"),
    ("OIDC_ISSUER", "http://localhost:8080"),
    ("OIDC_ISSUER", "http://login.example.com"),
    ("OIDC_ISSUER", "https://login.internal"),
    ("OIDC_ISSUER", "https://login.example.com/?tenant=1"),
    ("OIDC_ISSUER", "https://idp.apps.example.net"),
    ("OIDC_CLIENT_SECRET", "berth"),
    ("OIDC_CLIENT_SECRET", "a a"),
    ("OIDC_CLIENT_ID", "bérth"),
    ("SMTP_URL", "http://mail.example.com"),
    ("SMTP_URL", "smtp://me@mail.example.com"),
    ("MAIL_FROM", "nobody"),
    ("MAIL_FROM", "A <a@example.com>, B <b@example.com>"),
    ("WEBHOOK_LOOPBACK", "yes"),
    ("PKI_DIR", "pki"),
    ("PKI_DIR", ""),
    ("PLATFORM_ADMINS", "olga"),
    ("PLATFORM_ADMINS", "olga@example.com,OLGA@example.com"),
    ("PLATFORM_ADMINS", "olga@example.com;otto@example.com"),
    ("TRUSTED_PROXIES", "*"),
    ("TRUSTED_PROXIES", "0.0.0.0/0"),
    ("TRUSTED_PROXIES", "::/0"),
    ("TRUSTED_PROXIES", "0.0.0.0/1,128.0.0.0/1"),
    ("TRUSTED_PROXIES", "8.0.0.0/8"),
    ("TRUSTED_PROXIES", "10.0.0.1/8"),
    ("TRUSTED_PROXIES", "::ffff:0:0/96"),
    ("TRUSTED_PROXIES", "::ffff:8.0.0.0/104"),
    ("TRUSTED_PROXIES", "10.0.0.0/7"),
    ("TRUSTED_PROXIES", "2000::/3"),
    ("TRUSTED_PROXIES", "proxy"),
    ("TRUSTED_PROXIES", "10.0.0.1,10.0.0.1"),
    ("DRAIN_SECONDS", "-1"),
    ("DRAIN_SECONDS", "nan"),
    ("DRAIN_SECONDS", "inf"),
    ("DRAIN_SECONDS", "86400"),
    ("METRICS_PORT", "http"),
    ("OTLP_URL", "collector:4318"),
    ("TRACES_ONE_IN", "0"),
    ("HOST", "0.0.0.0:8000"),
    ("PORT", "tcp://10.0.0.1:8000"),
    ("INSTANCE", "a;b"),
    ("INSTANCE", "a" * 33),
    ("ENV", "Production"),
    ("ENV", "test"),
    ("ENV", "development"),
    ("ALLOW", "everything"),
    ("ALLOW", "plain-s3,plain-s3"),
    ("ALLOW", "plain-s3 local-s3"),
]


def faults_of(environment: dict[str, str]) -> dict[str, str]:
    try:
        load_settings(environment)
    except SettingsError as error:
        return {fault.setting: fault.text for fault in error.faults}
    return {}


def test_a_good_environment_is_taken() -> None:
    assert faults_of(good_environment()) == {}


@pytest.mark.parametrize(("name", "value"), VALUES, ids=[f"{name}={value[:40]!a}" for name, value in VALUES])
def test_a_bad_value_is_refused_by_its_name(name: str, value: str) -> None:
    found = faults_of(good_environment(**{name: value}))
    assert f"BERTH_{name}" in found


@pytest.mark.parametrize("name", sorted(name for name, setting in SETTINGS.items() if setting.needed))
def test_what_is_needed_is_named_when_it_is_missing_or_empty(name: str) -> None:
    for environment in ({**good_environment(), name: ""}, {k: v for k, v in good_environment().items() if k != name}):
        assert faults_of(environment)[name].startswith("is not set")


@pytest.mark.parametrize("name", sorted(SETTINGS))
@pytest.mark.parametrize("spoil", ["{} ", " {}", "{}\n", "{}\0", "{}\u200b"])
def test_spaces_and_what_cannot_be_seen_is_refused_everywhere(name: str, spoil: str) -> None:
    environment = good_environment()
    value = environment.get(name) or SETTINGS[name].default or "x"
    for env in ("production", "development"):
        assert name in faults_of({**environment, "BERTH_ENV": env, name: spoil.format(value)})


def test_all_faults_are_named_at_once_and_no_value() -> None:
    environment = good_environment(**dict(reversed(VALUES)) | {"ENV": "production", "APPS_URL": "x"})
    with pytest.raises(SettingsError) as caught:
        load_settings(environment)
    text = str(caught.value)
    assert {f"BERTH_{name}" for name, _ in VALUES if name != "ENV"} <= {fault.setting for fault in caught.value.faults}
    words = [
        value for name, value in environment.items() if len(value) > 9 and name not in ("BERTH_ENV", "BERTH_ALLOW")
    ]
    assert not [value for value in words if value in text]
    assert PASSWORD not in text


@pytest.mark.parametrize(
    "first",
    sorted(n for n in good_environment() if SETTINGS[n].kind.secrets_of(SETTINGS[n].kind.read(good_environment()[n]))),
)
def test_no_secret_stands_twice(first: str) -> None:
    environment = good_environment()
    secrets = SETTINGS[first].kind.secrets_of(SETTINGS[first].kind.read(environment[first]))
    other = "BERTH_OIDC_CLIENT_SECRET" if first != "BERTH_OIDC_CLIENT_SECRET" else "BERTH_S3_SECRET_KEY"
    found = faults_of({**environment, other: secrets[-1]})
    assert any("the same secret" in text for text in found.values())


@given(st.sampled_from(sorted(SETTINGS)), st.sampled_from(["", "https://", "redis://:", "a@"]), st.text(max_size=60))
def test_whatever_stands_in_a_setting_is_taken_or_refused_in_words(name: str, start: str, text: str) -> None:
    mark = "q7z9"
    for fault in faults_of({**good_environment(), name: f"{start}{mark}{text}{mark}"}).values():
        assert "\n" not in fault
        assert mark not in fault


@given(
    st.from_regex(r"[a-z0-9]([a-z0-9-]{0,10}[a-z0-9])?", fullmatch=True),
    st.sampled_from(["co.uk", "com", "com.au", "github.io"]),
)
def test_a_site_is_one_label_more_than_the_suffix(label: str, suffix: str) -> None:
    assert site_of(f"a.b.{label}.{suffix}") == site_of(f"{label}.{suffix}") == f"{label}.{suffix}"


def test_two_portals_below_one_suffix_are_two_sites() -> None:
    ours = {"PUBLIC_URL": "https://cloud.co.uk", "APPS_URL": "https://*.cloudapps.co.uk"}
    assert faults_of(good_environment(**ours)) == {}
    assert "BERTH_APPS_URL" in faults_of(good_environment(**{**ours, "APPS_URL": "https://*.apps.cloud.co.uk"}))


def test_reach_is_that_of_the_host() -> None:
    here = ["localhost", "x.localhost", "127.0.0.1", "127.9.9.9", "::1", "0.0.0.0", "169.254.169.254", "fe80::1"]
    near = [
        "10.0.0.1",
        "192.168.1.1",
        "100.64.0.1",
        "fd00::1",
        "maas",
        "maas.internal",
        "a.local",
        "x.home.arpa",
        "x.test",
    ]
    far = ["8.8.8.8", "2001:4860:4860::8888", "a.example.com", "xn--bcher-kva.de", "x.github.io"]
    assert {reach_of(host) for host in here} == {Reach.COMPUTER}
    assert {reach_of(host) for host in near} == {Reach.NETWORK}
    assert {reach_of(host) for host in far} == {Reach.WORLD}
    assert all(map(is_host, here + near + far))


@given(st.integers(16, 32))
def test_random_secrets_keep_their_bits_and_repeats_do_not(length: int) -> None:
    assert bits_of(token_hex(length)) > length * 8 * 0.7
    assert bits_of(token_hex(2) * length) < 80


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "10.0.0.1", "192.168.1.2", "cloud.example.com", "169.254.1.1"])
def test_development_is_for_one_computer(host: str) -> None:
    home = {"ENV": "development", "PUBLIC_URL": "http://localhost:8000", "APPS_URL": None}
    assert faults_of(good_environment(**home)) == {}
    assert set(faults_of(good_environment(**home, HOST=host))) == {"BERTH_HOST"}
    assert set(faults_of(good_environment(ENV="development", HOST="::1"))) == {"BERTH_ENV"}


def test_an_exception_lets_pass_what_it_names_and_nothing_else() -> None:
    plain = good_environment(S3_URL="http://s3.internal:8333", ALLOW="plain-s3")
    [allowed] = load_settings(plain).allowed
    assert (allowed.name, allowed.settings) == ("plain-s3", ("BERTH_S3_URL",))
    assert allowed.meaning
    assert "BERTH_S3_URL" in faults_of({**plain, "BERTH_S3_URL": "http://127.0.0.1:8333"})
    assert "BERTH_MAAS_URL" in faults_of({**plain, "BERTH_MAAS_URL": "http://maas.internal/MAAS"})


NEEDS = {
    "local-maas": {"MAAS_URL": "https://127.0.0.1:5443/MAAS"},
    "local-s3": {"S3_URL": "https://localhost:8333"},
    "plain-database": {"DATABASE_URL": f"postgresql://berth_app:{PASSWORD}@db.example.com/berth"},
    "plain-maas": {"MAAS_URL": "http://maas.internal:5240/MAAS"},
    "plain-nats": {"NATS_URL": f"nats://berth:{PASSWORD}@nats.example.com:4222"},
    "plain-s3": {"S3_URL": "http://s3:8333"},
    "plain-temporal": {"TEMPORAL_ADDRESS": "temporal.example.com:7233"},
    "plain-valkey": {"VALKEY_URL": f"redis://:{PASSWORD}@valkey.example.com:6379/0"},
    "private-oidc": {"OIDC_ISSUER": "https://login.internal"},
    "private-portal": {
        "PUBLIC_URL": "https://cloud.internal",
        "APPS_URL": "https://*.apps.corp",
        "S3_PUBLIC_URL": "https://files.internal",
    },
    "shared-owner": {"DATABASE_OWNER_URL": f"postgresql://berth_owner:{PASSWORD}@postgres/berth"},
    "test-payments": {"STRIPE_SECRET_KEY": "sk_test_" + noise(24)},
}


@pytest.mark.parametrize("name", sorted(OVERRIDES))
def test_every_exception_is_offered_taken_and_shown(name: str) -> None:
    needs = NEEDS[name]
    with pytest.raises(SettingsError, match=f"or allow it: BERTH_ALLOW with {name}"):
        load_settings(good_environment(**needs))
    settings = load_settings(good_environment(**needs, ALLOW=name))
    assert [one.name for one in settings.allowed] == [name]
    assert settings.allowed[0].settings
