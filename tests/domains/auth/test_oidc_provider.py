"""What providers do that is standard, or odd and harmless, signs people in; the rest is refused with its cause."""

import base64
import json
import warnings
from collections.abc import AsyncIterator

import pytest
from joserfc.jwk import OctKey, RSAKey

from app.domains.auth.errors import Cause, IssuerUnavailable, SignInFailed
from app.domains.auth.gateway.keys import ALGORITHMS
from tests.domains.auth.free_provider import NONCE, NOW, VERIFIER, FreeProvider, Make, free_providers

LONG = "x" * 8_000


@pytest.fixture(scope="module")
async def providers() -> AsyncIterator[Make]:
    async with free_providers() as make:
        yield make


@pytest.fixture
async def provider(providers: Make) -> FreeProvider:
    return providers()


async def _refused(provider: FreeProvider) -> SignInFailed:
    with pytest.raises(SignInFailed) as caught:
        await provider.prove()
    return caught.value


@pytest.mark.parametrize("algorithm", ALGORITHMS)
async def test_every_asymmetric_algorithm_is_taken(providers: Make, algorithm: str) -> None:
    assert (await providers(algorithm).prove()).identity.subject == "ada"


@pytest.mark.parametrize("issuer", ["", "/", "/realms/a", "/realms/a/", "/A%2Fb/"])
async def test_an_issuer_is_taken_letter_by_letter(providers: Make, issuer: str) -> None:
    provider = providers(issuer=issuer)
    assert (await provider.prove()).identity.issuer == provider.issuer
    other = provider.issuer.removesuffix("/") if issuer.endswith("/") else f"{provider.issuer}/"
    provider.claims = {"iss": other}
    assert (await _refused(provider)).cause == Cause.CLAIM_ISSUER
    provider.metadata["issuer"] = other
    refusal = await _refused(provider)
    assert (refusal.cause, refusal.evidence["issuer"]) == (Cause.METADATA_UNUSABLE, other)


@pytest.mark.parametrize(
    ("verified", "expected"),
    [
        (True, True), ("true", True), ("True", True), (1, True), ("1", True), (" true", True),
        (False, False), ("false", False), (0, False), (None, False), ([True], False), ({"a": 1}, False),
        ("yes?", False), (..., False), (2, False), (1.0, False), ("", False),
    ],
)  # fmt: skip
async def test_a_verified_address_is_one_in_every_spelling_of_yes(provider, verified: object, expected: bool) -> None:
    provider.claims = {"email_verified": verified}
    assert (await provider.prove()).identity.email_verified is expected


ODD_KEYS: list[object] = [
    {"kty": "AKP", "alg": "ML-DSA-65", "pub": "AA", "kid": "pq"},
    {"kty": "EC", "crv": "brainpoolP256r1", "x": "AA", "y": "AA", "kid": "bp"},
    {"kty": "EC", "crv": "P-256", "x": "AA", "y": "AA"},
    {"kty": "RSA", "n": "", "e": ""},
    {"kty": "RSA", "n": 5, "e": None, "kid": "k1"},
    {"kty": "OKP", "crv": "X25519", "x": "AA", "use": "sig"},
    {"kty": "oct", "k": "c2VjcmV0"},
    {"kty": "RSA", "n": "!!!", "e": "AQAB", "kid": "k1"},
    {"kty": ["RSA"]}, {}, None, "key", 5, [], {"kid": 1},
]  # fmt: skip


async def test_a_key_that_is_not_understood_spoils_no_other(provider) -> None:
    usable = provider.public(x5c=["!"], x5u="nonsense", key_ops=["verify", "odd"], nbf=None, extra={"a": 1})
    provider.keys = [*ODD_KEYS, usable, *ODD_KEYS]
    assert (await provider.prove()).identity.subject == "ada"


@pytest.mark.parametrize("odd", ODD_KEYS)
async def test_a_set_of_nothing_but_odd_keys_is_said_to_be_one(provider, odd: object) -> None:
    provider.keys = [odd]
    assert (await _refused(provider)).cause in (Cause.KEYS_UNUSABLE, Cause.KEY_UNKNOWN)


async def test_keys_are_found_with_ids_of_any_kind_or_without(provider) -> None:
    other = RSAKey.generate_key(2048).as_dict(private=False)
    for header, kid in (({}, "k1"), ({"kid": 7}, 7), ({"kid": LONG}, LONG), ({"kid": "k1"}, None), ({}, None)):
        provider.header, provider.keys = header, [{**other, "kid": "k0"}, {**provider.public(), "kid": kid}]
        assert (await provider.prove()).identity.subject == "ada", (header, kid)


@pytest.mark.parametrize("header", [{"typ": None}, {"typ": "at+jwt", "zip": 1}, {"x5c": ["c" * 20_000]}, {"jku": 5}])
async def test_a_header_that_need_not_be_understood_is_not(provider, header: dict[str, object]) -> None:
    provider.header |= header
    assert (await provider.prove()).identity.subject == "ada"


async def test_an_id_token_may_be_long(provider) -> None:
    provider.claims = {"groups": [f"group-{number}" * 5 for number in range(4_000)]}
    assert len(provider.id_token()) > 200_000
    assert (await provider.prove()).identity.subject == "ada"


async def test_a_code_may_be_long_and_is_sent_as_it_came(provider) -> None:
    code = "4/0 +%&=é" + LONG
    await provider.prove(code)
    assert provider.asked[1][2]["code"] == code


@pytest.mark.parametrize("secret", ["a b", "a+b", "50%:/?&=", "ü:", "%41", "p@$$~*'()", ":"])
async def test_a_secret_is_form_encoded_before_it_goes_into_the_header(provider, secret: str) -> None:
    provider.client_id, provider.client_secret = f"b:{secret}", secret
    provider.claims = {"aud": provider.client_id}
    await provider.prove()
    assert provider.client() == (provider.client_id, secret)


async def test_where_only_the_body_is_offered_the_secret_goes_there(provider) -> None:
    provider.metadata["token_endpoint_auth_methods_supported"] = ["private_key_jwt", "client_secret_post", None]
    await provider.prove()
    path, headers, form = provider.asked[1]
    assert (path, form["client_id"], form["client_secret"]) == ("token", "berth", "secret")
    assert "authorization" not in headers


async def test_a_client_that_is_not_believed_one_way_is_told_the_other_way(provider) -> None:
    provider.metadata["token_endpoint_auth_methods_supported"] = ["client_secret_basic", "client_secret_post"]
    provider.status["token"] = 401
    provider.tokens = {"error": "invalid_client"}
    refusal = await _refused(provider)
    assert (refusal.cause, refusal.evidence["error"]) == (Cause.CLIENT_REFUSED, "invalid_client")
    assert provider.times("token") == 2


@pytest.mark.parametrize("offset", [-300, -299, 0, 299, 300])
async def test_clocks_may_be_five_minutes_apart(provider, offset: int) -> None:
    provider.now = NOW + offset
    provider.claims = {"exp": int(provider.now) + 60, "nbf": int(provider.now)}
    assert (await provider.prove()).identity.subject == "ada"


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
    refusal = await _refused(provider)
    assert (refusal.cause, refusal.evidence["seconds"]) == (cause, seconds)


async def test_how_far_clocks_may_be_apart_is_a_setting(provider) -> None:
    provider.claims = {"exp": NOW - 599}
    assert (await provider.gateway(clock_skew=600).prove("code", NONCE, VERIFIER)).identity.subject == "ada"


@pytest.mark.parametrize(
    "claims", [{"exp": str(NOW + 5)}, {"exp": NOW + 0.5}, {"iat": None}, {"iat": "x"}, {"nbf": ""}]
)
async def test_instants_are_read_in_every_form_of_a_number(provider, claims: dict[str, object]) -> None:
    provider.claims = claims
    assert (await provider.prove()).identity.subject == "ada"


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
    assert (await _refused(provider)).cause == cause


@pytest.mark.parametrize(
    ("subject", "kept"),
    [("Ada", "Ada"), (" ada ", " ada "), ("ada/", "ada/"), (12345, "12345"), (LONG, LONG), ("ｅ\u0301", "ｅ\u0301")],
)
async def test_a_subject_is_kept_as_it_is(provider, subject: object, kept: str) -> None:
    provider.claims = {"sub": subject}
    assert (await provider.prove()).identity.subject == kept


@pytest.mark.parametrize("aud", ["berth", ["berth"], ["other", "berth", 5, None]])
async def test_an_audience_is_one_or_several(provider, aud: object) -> None:
    provider.claims = {"aud": aud, "azp": "berth"}
    assert (await provider.prove()).identity.subject == "ada"


def _unsigned(claims: dict[str, object], algorithm: str) -> str:
    parts = ({"alg": algorithm, "kid": "k1"}, claims)
    return ".".join(base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in parts) + "."


@pytest.mark.parametrize("algorithm", ["none", "None", "HS256", "HS512", "RS1", "", "ES256K", 5, None])
async def test_no_algorithm_without_a_private_key_is_taken(provider, algorithm) -> None:
    provider.tokens = {"id_token": _unsigned(provider.said(), algorithm)}
    assert (await _refused(provider)).cause == Cause.ALGORITHM_REFUSED


async def test_a_public_key_is_no_secret(provider) -> None:
    """RFC 8725 §2.1: HMAC with the public key's own text."""
    secret = OctKey.import_key(json.dumps(provider.public()).encode())
    provider.keys = [provider.public(), {"kty": "oct", "k": secret.as_dict()["k"], "kid": "k1"}]
    provider.key, provider.algorithm = secret, "HS256"
    assert (await _refused(provider)).cause == Cause.ALGORITHM_REFUSED


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
    assert (await _refused(provider)).cause == cause


@pytest.mark.parametrize("header", [{"crit": ["exp"], "exp": 1}, {"crit": ["b64"], "b64": False}])
async def test_a_token_with_what_must_be_understood_is_refused(provider, header: dict[str, object]) -> None:
    provider.header = {"kid": "k1", **header}
    assert (await _refused(provider)).cause == Cause.TOKEN_UNREADABLE


async def test_another_key_of_the_same_name_does_not_verify(provider) -> None:
    other = RSAKey.generate_key(2048, {"kid": "k1"})
    provider.keys = [{**other.as_dict(private=False), "kid": "k1"}]
    assert (await _refused(provider)).cause == Cause.SIGNATURE_WRONG


async def test_a_weak_key_is_no_key(provider) -> None:
    with warnings.catch_warnings(action="ignore"):
        provider.key = RSAKey.generate_key(1024, {"kid": "k1"})
    provider.keys = [provider.public()]
    assert (await _refused(provider)).cause == Cause.KEYS_UNUSABLE


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
    assert (await fresh.prove("code", NONCE, VERIFIER)).identity.subject == "ada"


@pytest.mark.parametrize("path", ["openid-configuration", "jwks", "token"])
async def test_a_provider_in_trouble_is_said_to_be(provider, path: str) -> None:
    provider.status[path] = 503
    with pytest.raises(IssuerUnavailable) as caught:
        await provider.prove()
    assert (caught.value.cause, caught.value.evidence["status"]) == (Cause.PROVIDER_UNREACHABLE, 503)


async def test_what_a_provider_said_is_kept_while_it_does_not_answer(provider) -> None:
    now = [0.0]
    gateway = provider.gateway()
    gateway._clock = lambda: now[0]
    await gateway.prove("code", NONCE, VERIFIER)
    now[0] = 4_000
    provider.status |= {"openid-configuration": 500, "jwks": 500}
    assert (await gateway.prove("code", NONCE, VERIFIER)).identity.subject == "ada"
    assert provider.times("jwks") == provider.times("openid-configuration") == 2


@pytest.mark.parametrize(
    "odd",
    [
        {"end_session_endpoint": None, "userinfo_endpoint": False, "scopes_supported": None, "claims_supported": 5},
        {"token_endpoint_auth_methods_supported": None, "id_token_signing_alg_values_supported": "RS256"},
        {"end_session_endpoint": "javascript:alert(1)", "authorization_response_iss_parameter_supported": "true"},
    ],
)
async def test_what_we_do_not_need_of_the_metadata_may_be_anything(provider, odd: dict[str, object]) -> None:
    provider.metadata |= odd
    assert (await provider.prove()).identity.subject == "ada"
    assert (await provider.gateway().metadata()).end_session_endpoint in (None, f"{provider.base}/end")


@pytest.mark.parametrize("wrong", [None, "", "/token", "ftp://x/y", "http://", "http://[::1", 5, "http://x/ y", "//x"])
async def test_without_an_address_that_is_needed_nobody_signs_in(provider, wrong: object) -> None:
    provider.metadata["token_endpoint"] = wrong
    assert (await _refused(provider)).cause == Cause.METADATA_UNUSABLE


async def test_name_and_address_may_come_from_the_userinfo_endpoint(provider) -> None:
    provider.metadata["userinfo_endpoint"] = f"{provider.base}/userinfo"
    provider.claims = {"email": ..., "email_verified": ..., "name": ...}
    provider.userinfo = {"sub": "ada", "email": "a@b.example", "email_verified": "true", "name": "Ada"}
    identity = (await provider.prove()).identity
    assert (identity.email, identity.email_verified, identity.name) == ("a@b.example", True, "Ada")
    assert provider.asked[-1][1]["authorization"] == "Bearer opaque"


async def test_userinfo_of_another_person_is_refused(provider) -> None:
    provider.metadata["userinfo_endpoint"] = f"{provider.base}/userinfo"
    provider.claims = {"email": ...}
    for sub in ("eve", "Ada", "ada ", None):
        provider.userinfo = {"sub": sub, "email": "a@b.example", "email_verified": True}
        assert (await _refused(provider)).cause == Cause.OTHER_PERSON


async def test_that_one_address_is_verified_says_nothing_of_another(provider) -> None:
    provider.metadata["userinfo_endpoint"] = f"{provider.base}/userinfo"
    provider.claims = {"email": "victim@example.com", "email_verified": ...}
    provider.userinfo = {"sub": "ada", "email": "ada@example.com", "email_verified": True}
    identity = (await provider.prove()).identity
    assert (identity.email, identity.email_verified) == ("ada@example.com", True)
    provider.userinfo = {"sub": "ada", "email_verified": True}
    identity = (await provider.prove()).identity
    assert (identity.email, identity.email_verified) == ("victim@example.com", False)


async def test_userinfo_that_is_not_given_stops_nobody(provider) -> None:
    provider.metadata["userinfo_endpoint"] = f"{provider.base}/userinfo"
    provider.claims = {"name": ...}
    provider.status["userinfo"] = 403
    assert (await provider.prove()).identity.name == ""


@pytest.mark.parametrize(
    "email", ["a" * 250 + "@b.example", "", None, 5, ["a@b.example"], "a\0@b.example", "a\n@b.example"]
)
async def test_what_is_no_address_is_none_and_never_a_part_of_one(provider, email: object) -> None:
    provider.claims = {"email": email}
    identity = (await provider.prove()).identity
    assert (identity.email, identity.email_verified) == ("", False)


@pytest.mark.parametrize("name", [None, 5, {"a": 1}, ["x"], "\ud800", ""])
async def test_a_name_of_an_odd_type_is_no_name(provider, name: object) -> None:
    provider.claims = {"name": name, "preferred_username": "ada"}
    assert (await provider.prove()).identity.name == "ada"


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
    from app.domains.auth.gateway.metadata import read_metadata

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
