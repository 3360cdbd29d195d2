"""The user-data of every kind of launch against cloud-init's own schema, and through a YAML parser back again."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from hypothesis import example, given
from hypothesis import strategies as st
from jsonschema import Draft4Validator

from app.domains.provisioning.rules import names
from app.domains.provisioning.rules.cloud_init import MachineIdentity, Tenant, cloud_config, user_data

SCHEMA = json.loads((Path(__file__).parent / "cloud_init" / "schema-cloud-config-v1.json").read_text("utf-8"))
HOSTS = st.one_of(st.just("a"), st.just("x" * 63), st.from_regex(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?", fullmatch=True))
GECOS = st.one_of(
    st.text(max_size=100), st.sampled_from(["", "Ada \U0001f680", "\x7f\x85\u2028", "'\"\\{}[]#&*!|>%@`"])
)
TENANTS = st.one_of(
    st.none(),
    st.builds(
        Tenant,
        login=st.from_regex(r"[a-z][a-z0-9_-]{0,30}", fullmatch=True),
        uid=st.integers(20_001, 59_999),
        gecos=GECOS,
        principal=st.just("alloc:a1:ada"),
    ),
)


def of(hostname: str, tenant: Tenant | None) -> str:
    machine = MachineIdentity(
        hostname=hostname,
        management_principal="berth-mgmt:n1abcd",
        host_private="-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n-----END OPENSSH PRIVATE KEY-----\n",
        host_public="ssh-ed25519 AAAA",
        host_certificate="ssh-ed25519-cert-v01@openssh.com AAAA",
    )
    return user_data(machine, "ssh-ed25519 CA berth user CA\n", "#!/bin/sh\n", tenant)


@given(HOSTS, TENANTS)
def test_cloud_init_takes_the_user_data_of_every_launch(hostname: str, tenant: Tenant | None) -> None:
    config = yaml.safe_load(of(hostname, tenant))
    errors = [f"{list(error.absolute_path)}: {error.message}" for error in Draft4Validator(SCHEMA).iter_errors(config)]
    assert errors == []
    assert names.is_name(config["hostname"])
    assert config["manage_etc_hosts"] == "localhost"


@pytest.mark.parametrize(
    ("part", "value"), [("ssh_authorized_keys", []), ("uid", [20001]), ("sudo", 1), ("groups", [])]
)
def test_the_schema_does_refuse(part: str, value: object) -> None:
    config = yaml.safe_load(of("train-07", None))
    config["users"][0][part] = value
    assert list(Draft4Validator(SCHEMA).iter_errors(config))


@given(HOSTS, TENANTS)
def test_nothing_is_sent_in_a_form_that_cloud_init_gives_up(hostname: str, tenant: Tenant | None) -> None:
    config = yaml.safe_load(of(hostname, tenant))
    user = SCHEMA["$defs"]["users_groups.user"]["properties"]
    for entry in config["users"]:
        for name, value in entry.items():
            kinds = [kind for kind in user[name].get("oneOf", [user[name]]) if not _given_up(kind)]
            assert any(Draft4Validator(kind).is_valid(value) for kind in kinds), name
    assert not any(_given_up(SCHEMA["properties"].get(name, {})) for name in config)


def _given_up(part: dict[str, object]) -> bool:
    return bool(part.get("deprecated") or part.get("changed"))


def _texts(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for name, inner in value.items():
            yield from (name, *_texts(inner))
    elif isinstance(value, list):
        for inner in value:
            yield from _texts(inner)


VALUES = st.recursive(
    st.one_of(st.text(), st.integers(), st.booleans(), st.none()),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=20), inner, max_size=3)),
    max_leaves=8,
)


@given(st.dictionaries(st.from_regex(r"[a-z_]{1,20}", fullmatch=True), VALUES, max_size=4))
@example({"x": '\U0001f680 \ud7ff\ue000 \ufeff\ufffe\uffff \x7f\x80\x85\xa0\u2028\u2029 \\ud83d " : - #\t\n'})
def test_yaml_reads_every_value_as_it_was(config: dict[str, object]) -> None:
    text = cloud_config(config)
    assert yaml.safe_load(text.encode()) == config
    assert json.loads(text.partition("\n")[2]) == config
    assert all(text == text.encode().decode() for text in _texts(yaml.safe_load(text)))
