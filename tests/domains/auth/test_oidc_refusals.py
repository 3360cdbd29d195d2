"""What no provider that is in order says signs nobody in, and its cause is named."""

import base64
import json
import warnings
from collections.abc import AsyncIterator

import pytest
from joserfc import jws
from joserfc.jwk import OctKey, RSAKey

from app.domains.auth.errors import Cause, IssuerUnavailable, SignInFailed
from app.domains.auth.gateway.metadata import read_metadata
from tests.domains.auth.free_provider import NONCE, NOW, VERIFIER, FreeProvider, Make, free_providers, refused


@pytest.fixture(scope="module")
async def providers() -> AsyncIterator[Make]:
    async with free_providers() as make:
        yield make


@pytest.fixture
async def provider(providers: Make) -> FreeProvider:
    return providers()


@pytest.mark.parametrize(
    ("claims", "cause", "seconds"),
    [
        ({"exp": NOW - 301}, Cause.CLAIM_EXPIRED, 301),
        ({"iat": NOW + 301}, Cause.CLAIM_FUTURE, 301),
        ({"nbf": NOW + 400}, Cause.CLAIM_FUTURE, 400),
        ({"exp": ...}, Cause.CLAIM_EXPIRED, None),
        ({"exp": "soon"}, Cause.CLAIM_EXPIRED, None),
        ({"exp": float("nan")}, Cause.CLAIM_EXPIRED, None),
    ],
)
async def test_a_clock_that_is_further_off_is_named_in_the_cause(provider, claims, cause: Cause, seconds) -> None:
    provider.claims = claims
    refusal = await refused(provider)
    assert (refusal.cause, refusal.evidence["seconds"]) == (cause, seconds)


@pytest.mark.parametrize(
    ("claims", "cause"),
    [
        ({"aud": "other"}, Cause.CLAIM_AUDIENCE),
        ({"aud": ["Berth", "berth "]}, Cause.CLAIM_AUDIENCE),
        ({"aud": ...}, Cause.CLAIM_AUDIENCE),
        ({"aud": ["berth", "other"], "azp": "other"}, Cause.CLAIM_AUDIENCE),
        ({"nonce": "other"}, Cause.CLAIM_NONCE),
        ({"nonce": ...}, Cause.CLAIM_NONCE),
        ({"nonce": NONCE.upper()}, Cause.CLAIM_NONCE),
        ({"sub": ""}, Cause.CLAIM_SUBJECT),
        ({"sub": ...}, Cause.CLAIM_SUBJECT),
        ({"sub": None}, Cause.CLAIM_SUBJECT),
        ({"sub": True}, Cause.CLAIM_SUBJECT),
        ({"sub": ["ada"]}, Cause.CLAIM_SUBJECT),
        ({"sub": "a\0b"}, Cause.CLAIM_SUBJECT),
        ({"sub": "\ud800"}, Cause.CLAIM_SUBJECT),
        ({"iss": None}, Cause.CLAIM_ISSUER),
    ],
)
async def test_a_claim_that_is_wrong_is_named_in_the_cause(provider, claims: dict[str, object], cause: Cause) -> None:
    provider.claims = claims
    assert (await refused(provider)).cause == cause


def _unsigned(claims: dict[str, object], algorithm: str) -> str:
    parts = ({"alg": algorithm, "kid": "k1"}, claims)
    return ".".join(base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in parts) + "."


@pytest.mark.parametrize("algorithm", ["none", "None", "HS256", "HS512", "RS1", "", "ES256K", 5, None])
async def test_no_algorithm_without_a_private_key_is_taken(provider, algorithm) -> None:
    provider.tokens = {"id_token": _unsigned(provider.said(), algorithm)}
    assert (await refused(provider)).cause == Cause.ALGORITHM_REFUSED


async def test_a_public_key_is_no_secret(provider) -> None:
    """RFC 8725 §2.1: HMAC with the public key's own text."""
    secret = OctKey.import_key(json.dumps(provider.public()).encode())
    provider.keys = [provider.public(), {"kty": "oct", "k": secret.as_dict()["k"], "kid": "k1"}]
    provider.key, provider.algorithm = secret, "HS256"
    assert (await refused(provider)).cause == Cause.ALGORITHM_REFUSED


@pytest.mark.parametrize(
    ("token", "cause"),
    [
        (..., Cause.TOKEN_MISSING), (None, Cause.TOKEN_MISSING), (5, Cause.TOKEN_MISSING), ("", Cause.TOKEN_MISSING),
        ("a.b.c", Cause.TOKEN_UNREADABLE), ("abc", Cause.TOKEN_UNREADABLE), ("..", Cause.TOKEN_UNREADABLE),
        ("e30.e30.AA", Cause.TOKEN_UNREADABLE), ("W10.e30.AA", Cause.TOKEN_UNREADABLE),
        ("MQ.e30.AA", Cause.TOKEN_UNREADABLE), ("a.b.c.d.e", Cause.TOKEN_ENCRYPTED), ("é.é.é", Cause.TOKEN_UNREADABLE),
        ("x" * 1_000_001, Cause.TOKEN_TOO_LARGE),
    ],
    ids=lambda value: str(value)[:20],
)  # fmt: skip
async def test_what_is_no_signed_token_is_named_in_the_cause(provider, token: object, cause: Cause) -> None:
    provider.tokens = {"id_token": None if token is ... else token}
    assert (await refused(provider)).cause == cause


@pytest.mark.parametrize("header", [{"crit": ["exp"], "exp": 1}, {"crit": ["b64"], "b64": False}])
async def test_a_token_with_what_must_be_understood_isrefused(provider, header: dict[str, object]) -> None:
    provider.header = {"kid": "k1", **header}
    assert (await refused(provider)).cause == Cause.TOKEN_UNREADABLE


@pytest.mark.parametrize("payload", ["[]", "5", "{", '{"sub": ' + "[" * 200_000, '{"exp": ' + "9" * 5_000 + "}"])
async def test_a_payload_that_is_no_object_is_named_in_the_cause(provider, payload: str) -> None:
    header = {"alg": "RS256", "kid": "k1"}
    provider.tokens = {"id_token": jws.serialize_compact(header, payload, provider.key, algorithms=["RS256"])}
    assert (await refused(provider)).cause == Cause.TOKEN_UNREADABLE


async def test_another_key_of_the_same_name_does_not_verify(provider) -> None:
    other = RSAKey.generate_key(2048, {"kid": "k1"})
    provider.keys = [{**other.as_dict(private=False), "kid": "k1"}]
    assert (await refused(provider)).cause == Cause.SIGNATURE_WRONG


async def test_a_weak_key_is_no_key(provider) -> None:
    with warnings.catch_warnings(action="ignore"):
        provider.key = RSAKey.generate_key(1024, {"kid": "k1"})
    provider.keys = [provider.public()]
    assert (await refused(provider)).cause == Cause.KEYS_UNUSABLE


async def test_a_new_key_is_found_and_an_unknown_one_is_asked_for_once_in_a_while(provider) -> None:
    gateway = provider.gateway()
    await gateway.prove("code", NONCE, VERIFIER)
    provider.header = {"kid": "k2"}
    for _ in range(3):
        with pytest.raises(SignInFailed) as caught:
            await gateway.prove("code", NONCE, VERIFIER)
        assert caught.value.cause == Cause.KEY_UNKNOWN
    assert provider.times("jwks") == 2
    fresh = provider.gateway()
    provider.header = {"kid": "k1"}
    await fresh.prove("code", NONCE, VERIFIER)
    provider.header, provider.keys = {"kid": "k2"}, [provider.public(kid="k2")]
    assert (await fresh.prove("code", NONCE, VERIFIER)).subject == "ada"


@pytest.mark.parametrize("path", ["openid-configuration", "jwks", "token"])
async def test_a_provider_in_trouble_is_said_to_be(provider, path: str) -> None:
    provider.status[path] = 503
    with pytest.raises(IssuerUnavailable) as caught:
        await provider.prove()
    assert (caught.value.cause, caught.value.evidence["status"]) == (Cause.PROVIDER_UNREACHABLE, 503)


@pytest.mark.parametrize("wrong", [None, "", "/token", "ftp://x/y", "http://", "http://[::1", 5, "http://x/ y", "//x"])
async def test_without_an_address_that_is_needed_nobody_signs_in(provider, wrong: object) -> None:
    provider.metadata["token_endpoint"] = wrong
    assert (await refused(provider)).cause == Cause.METADATA_UNUSABLE


@pytest.mark.parametrize(
    ("names", "named", "cause"),
    [
        (True, None, Cause.ISSUER_MISSING), ("true", None, Cause.ISSUER_MISSING), (False, None, None),
        (None, None, None), (True, "", Cause.ISSUER_OTHER), (False, "http://evil.example", Cause.ISSUER_OTHER),
        (True, ..., None), (True, "/", Cause.ISSUER_OTHER),
    ],
)  # fmt: skip
async def test_an_answer_names_its_issuer_where_the_provider_says_that_it_does(provider, names, named, cause) -> None:
    provider.metadata["authorization_response_iss_parameter_supported"] = names
    given = provider.issuer if named is ... else f"{provider.issuer}/" if named == "/" else named
    gateway = provider.gateway()
    if cause is None:
        await gateway.check_issuer(given)
        return
    with pytest.raises(SignInFailed) as caught:
        await gateway.check_issuer(given)
    assert caught.value.cause == cause


async def test_an_issuer_of_https_sends_nobody_to_http() -> None:

    said = {
        "issuer": "https://id.example/",
        "authorization_endpoint": "https://id.example/a",
        "token_endpoint": "https://id.example/t",
        "jwks_uri": "https://id.example/k",
        "end_session_endpoint": "http://id.example/e",
    }
    assert read_metadata(said, "https://id.example/").end_session_endpoint is None
    for name in ("authorization_endpoint", "token_endpoint", "jwks_uri"):
        with pytest.raises(IssuerUnavailable):
            read_metadata(said | {name: "http://id.example/x"}, "https://id.example/")
