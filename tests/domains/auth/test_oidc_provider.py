"""What providers do that is standard, or odd and harmless, signs people in."""

from collections.abc import AsyncIterator

import pytest
from joserfc.jwk import RSAKey

from app.domains.auth.errors import Cause
from app.domains.auth.gateway.keys import ALGORITHMS
from tests.domains.auth.free_provider import NONCE, NOW, VERIFIER, FreeProvider, Make, free_providers, refused

LONG = "x" * 8_000


@pytest.fixture(scope="module")
async def providers() -> AsyncIterator[Make]:
    async with free_providers() as make:
        yield make


@pytest.fixture
async def provider(providers: Make) -> FreeProvider:
    return providers()


@pytest.mark.parametrize("algorithm", ALGORITHMS)
async def test_every_asymmetric_algorithm_is_taken(providers: Make, algorithm: str) -> None:
    assert (await providers(algorithm).prove()).subject == "ada"


@pytest.mark.parametrize("issuer", ["", "/", "/realms/a", "/realms/a/", "/A%2Fb/"])
async def test_an_issuer_is_taken_letter_by_letter(providers: Make, issuer: str) -> None:
    provider = providers(issuer=issuer)
    assert (await provider.prove()).issuer == provider.issuer
    other = provider.issuer.removesuffix("/") if issuer.endswith("/") else f"{provider.issuer}/"
    provider.claims = {"iss": other}
    assert (await refused(provider)).cause == Cause.CLAIM_ISSUER
    provider.metadata["issuer"] = other
    refusal = await refused(provider)
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
    assert (await provider.prove()).email_verified is expected


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
    assert (await provider.prove()).subject == "ada"


async def test_keys_are_found_with_ids_of_any_kind_or_without(provider) -> None:
    other = RSAKey.generate_key(2048).as_dict(private=False)
    for header, kid in (({}, "k1"), ({"kid": 7}, 7), ({"kid": LONG}, LONG), ({"kid": "k1"}, None), ({}, None)):
        provider.header, provider.keys = header, [{**other, "kid": "k0"}, {**provider.public(), "kid": kid}]
        assert (await provider.prove()).subject == "ada", (header, kid)


@pytest.mark.parametrize("header", [{"typ": None}, {"typ": "at+jwt", "zip": 1}, {"x5c": ["c" * 20_000]}, {"jku": 5}])
async def test_a_header_that_need_not_be_understood_is_not(provider, header: dict[str, object]) -> None:
    provider.header |= header
    assert (await provider.prove()).subject == "ada"


async def test_an_id_token_may_be_long(provider) -> None:
    provider.claims = {"groups": [f"group-{number}" * 5 for number in range(4_000)]}
    assert len(provider.id_token()) > 200_000
    assert (await provider.prove()).subject == "ada"


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
    refusal = await refused(provider)
    assert (refusal.cause, refusal.evidence["error"]) == (Cause.CLIENT_REFUSED, "invalid_client")
    assert provider.times("token") == 2


@pytest.mark.parametrize("offset", [-300, -299, 0, 299, 300])
async def test_clocks_may_be_five_minutes_apart(provider, offset: int) -> None:
    provider.now = NOW + offset
    provider.claims = {"exp": int(provider.now) + 60, "nbf": int(provider.now)}
    assert (await provider.prove()).subject == "ada"


async def test_how_far_clocks_may_be_apart_is_a_setting(provider) -> None:
    provider.claims = {"exp": NOW - 599}
    assert (await provider.gateway(clock_skew=600).prove("code", NONCE, VERIFIER)).subject == "ada"


@pytest.mark.parametrize(
    "claims", [{"exp": str(NOW + 5)}, {"exp": NOW + 0.5}, {"iat": None}, {"iat": "x"}, {"nbf": ""}]
)
async def test_instants_are_read_in_every_form_of_a_number(provider, claims: dict[str, object]) -> None:
    provider.claims = claims
    assert (await provider.prove()).subject == "ada"


@pytest.mark.parametrize(
    ("subject", "kept"),
    [("Ada", "Ada"), (" ada ", " ada "), ("ada/", "ada/"), (12345, "12345"), (LONG, LONG), ("ｅ\u0301", "ｅ\u0301")],
)
async def test_a_subject_is_kept_as_it_is(provider, subject: object, kept: str) -> None:
    provider.claims = {"sub": subject}
    assert (await provider.prove()).subject == kept


@pytest.mark.parametrize("aud", ["berth", ["berth"], ["other", "berth", 5, None]])
async def test_an_audience_is_one_or_several(provider, aud: object) -> None:
    provider.claims = {"aud": aud, "azp": "berth"}
    assert (await provider.prove()).subject == "ada"


async def test_what_a_provider_said_is_kept_while_it_does_not_answer(provider) -> None:
    now = [0.0]
    gateway = provider.gateway()
    gateway._clock = lambda: now[0]
    await gateway.prove("code", NONCE, VERIFIER)
    now[0] = 4_000
    provider.status |= {"openid-configuration": 500, "jwks": 500}
    assert (await gateway.prove("code", NONCE, VERIFIER)).subject == "ada"
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
    assert (await provider.prove()).subject == "ada"
    assert (await provider.gateway().metadata()).end_session_endpoint in (None, f"{provider.base}/end")


async def test_name_and_address_may_come_from_the_userinfo_endpoint(provider) -> None:
    provider.metadata["userinfo_endpoint"] = f"{provider.base}/userinfo"
    provider.claims = {"email": ..., "email_verified": ..., "name": ...}
    provider.userinfo = {"sub": "ada", "email": "a@b.example", "email_verified": "true", "name": "Ada"}
    identity = await provider.prove()
    assert (identity.email, identity.email_verified, identity.name) == ("a@b.example", True, "Ada")
    assert provider.asked[-1][1]["authorization"] == "Bearer opaque"


async def test_userinfo_of_another_person_isrefused(provider) -> None:
    provider.metadata["userinfo_endpoint"] = f"{provider.base}/userinfo"
    provider.claims = {"email": ...}
    for sub in ("eve", "Ada", "ada ", None):
        provider.userinfo = {"sub": sub, "email": "a@b.example", "email_verified": True}
        assert (await refused(provider)).cause == Cause.OTHER_PERSON


async def test_that_one_address_is_verified_says_nothing_of_another(provider) -> None:
    provider.metadata["userinfo_endpoint"] = f"{provider.base}/userinfo"
    provider.claims = {"email": "victim@example.com", "email_verified": ...}
    provider.userinfo = {"sub": "ada", "email": "ada@example.com", "email_verified": True}
    identity = await provider.prove()
    assert (identity.email, identity.email_verified) == ("ada@example.com", True)
    provider.userinfo = {"sub": "ada", "email_verified": True}
    identity = await provider.prove()
    assert (identity.email, identity.email_verified) == ("victim@example.com", False)


async def test_userinfo_that_is_not_given_stops_nobody(provider) -> None:
    provider.metadata["userinfo_endpoint"] = f"{provider.base}/userinfo"
    provider.claims = {"name": ...}
    provider.status["userinfo"] = 403
    assert (await provider.prove()).name == ""


@pytest.mark.parametrize(
    "email", ["a" * 250 + "@b.example", "", None, 5, ["a@b.example"], "a\0@b.example", "a\n@b.example"]
)
async def test_what_is_no_address_is_none_and_never_a_part_of_one(provider, email: object) -> None:
    provider.claims = {"email": email}
    identity = await provider.prove()
    assert (identity.email, identity.email_verified) == ("", False)


@pytest.mark.parametrize("name", [None, 5, {"a": 1}, ["x"], "\ud800", ""])
async def test_a_name_of_an_odd_type_is_no_name(provider, name: object) -> None:
    provider.claims = {"name": name, "preferred_username": "ada"}
    assert (await provider.prove()).name == "ada"


@pytest.mark.parametrize("odd", ODD_KEYS)
async def test_a_set_of_nothing_but_odd_keys_is_said_to_be_one(provider, odd: object) -> None:
    provider.keys = [odd]
    assert (await refused(provider)).cause in (Cause.KEYS_UNUSABLE, Cause.KEY_UNKNOWN)
