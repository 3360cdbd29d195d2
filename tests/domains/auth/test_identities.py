"""Whom a provider vouches for is one person: by issuer and subject, across issuers only where an operator said so."""

import asyncio

import msgspec
import pytest
from sqlalchemy import text

from app.domains.auth.errors import AccountSuspended, AddressElsewhere
from app.domains.auth.rules.claims import Identity
from app.domains.auth.rules.values import Visit
from app.domains.auth.service.sign_in import SignIn, sign_in
from app.shared.authz.actor import ANONYMOUS

OLD, NEW = "https://old.example/", "https://new.example"
ADDRESS = "Ada@Example.com"


def identity(issuer: str, subject: str = "ada", email: str = ADDRESS, *, verified: bool = True) -> Identity:
    return Identity(issuer=issuer, subject=subject, email=email, email_verified=verified, name="Ada Marsh")


@pytest.fixture
def arrive(runtime):
    """Sign in and say who it was."""

    async def arrive(who: Identity):
        oidc = msgspec.structs.replace(runtime.settings.oidc, issuer=who.issuer)
        runtime.settings = msgspec.structs.replace(runtime.settings, oidc=oidc)
        async with runtime.context(ANONYMOUS) as ctx:
            visit = Visit(user_agent="tests", address="127.0.0.1")
            done = await sign_in(ctx, SignIn(identity=who, visit=visit, method="oidc"))
            query = text("SELECT user_id FROM auth.oidc_sessions WHERE id = :id")
            return await ctx.session.scalar(query, {"id": done.session_id})

    return arrive


@pytest.fixture
def counted(open_context):
    async def counted(table: str = "users") -> int:
        async with open_context() as ctx:
            return await ctx.session.scalar(text(f"SELECT count(*) FROM auth.{table}"))

    return counted


def _believes(runtime, *issuers: str) -> None:
    oidc = msgspec.structs.replace(runtime.settings.oidc, earlier_issuers=frozenset(issuers))
    runtime.settings = msgspec.structs.replace(runtime.settings, oidc=oidc)


async def test_a_proved_address_at_a_second_issuer_makes_no_second_person(arrive, counted) -> None:
    ada = await arrive(identity(OLD))
    with pytest.raises(AddressElsewhere, match="BERTH_OIDC_EARLIER_ISSUERS"):
        await arrive(identity(NEW, "other"))
    assert (await counted(), await counted("tenants")) == (1, 1)
    assert await arrive(identity(OLD)) == ada


async def test_an_issuer_of_before_that_is_believed_gives_its_people_on(arrive, counted, runtime, open_context) -> None:
    ada = await arrive(identity(OLD))
    _believes(runtime, OLD)
    assert await arrive(identity(NEW, "other", "ada@example.COM")) == ada
    assert await arrive(identity(NEW, "other", "new@example.com")) == ada
    assert await arrive(identity(OLD)) == ada
    assert (await counted(), await counted("tenants"), await counted("identities")) == (1, 1, 2)
    async with open_context() as ctx:
        query = text("SELECT target_id, details FROM admin.audit_logs WHERE action = 'identity.link'")
        assert [tuple(row) for row in await ctx.session.execute(query)] == [(str(ada), {"issuer": NEW})]


@pytest.mark.parametrize("believed", [OLD.removesuffix("/"), OLD.upper(), "https://old.example//", NEW, ""])
async def test_an_issuer_is_believed_letter_by_letter(arrive, runtime, believed: str) -> None:
    await arrive(identity(OLD))
    _believes(runtime, believed)
    with pytest.raises(AddressElsewhere):
        await arrive(identity(NEW))


@pytest.mark.parametrize(("before", "now"), [(True, False), (False, True), (False, False)])
async def test_an_address_that_one_side_has_not_proved_opens_nobodys_account(
    arrive, counted, runtime, before: bool, now: bool
) -> None:
    ada = await arrive(identity(OLD, verified=before))
    _believes(runtime, OLD)
    assert await arrive(identity(NEW, verified=now)) != ada
    assert await counted() == 2


async def test_an_address_that_was_given_to_somebody_else_at_one_issuer_is_not_the_first_ones(arrive, counted) -> None:
    first, second = await arrive(identity(OLD, "a")), await arrive(identity(OLD, "b"))
    assert first != second
    assert await counted() == 2


async def test_of_two_people_with_one_address_nobody_is_chosen(arrive, runtime) -> None:
    await arrive(identity(OLD, "a"))
    await arrive(identity(OLD, "b"))
    _believes(runtime, OLD)
    with pytest.raises(AddressElsewhere):
        await arrive(identity(NEW))


async def test_who_is_shut_out_comes_in_through_no_other_issuer(arrive, runtime, open_context) -> None:
    await arrive(identity(OLD))
    async with open_context() as ctx:
        await ctx.session.execute(text("UPDATE auth.users SET suspended_at = now()"))
    _believes(runtime, OLD)
    for issuer in (OLD, NEW):
        with pytest.raises(AccountSuspended):
            await arrive(identity(issuer))


async def test_nobody_without_an_address_is_anybody_else(arrive, counted, runtime) -> None:
    _believes(runtime, OLD)
    people = [await arrive(identity(issuer, email="", verified=False)) for issuer in (OLD, NEW)]
    assert len(set(people)) == await counted() == 2


SUBJECTS = ["ada", "Ada", "ada ", "ada/", "é", "e\u0301", "x" * 8_000, "x" * 7_999 + "y", "x" * 255, "x" * 256]


async def test_two_subjects_that_differ_at_all_are_two_people(arrive) -> None:
    addresses = [f"{number}@example.com" for number in range(len(SUBJECTS))]
    people = [await arrive(identity(OLD, who, mail)) for who, mail in zip(SUBJECTS, addresses, strict=True)]
    assert len(set(people)) == len(SUBJECTS)
    again = [await arrive(identity(OLD, who, mail)) for who, mail in zip(SUBJECTS, addresses, strict=True)]
    assert again == people


async def test_where_issuer_and_subject_meet_nothing_is_mixed_up(arrive) -> None:
    one = await arrive(identity("https://a.example", "b/c", "one@example.com"))
    assert one != await arrive(identity("https://a.example/b", "c", "two@example.com"))


async def test_a_person_of_the_release_before_is_known(arrive, open_context) -> None:
    ada = await arrive(identity(OLD))
    async with open_context() as ctx:
        await ctx.session.execute(text("DELETE FROM auth.identities"))
    assert await arrive(identity(OLD)) == ada
    with pytest.raises(AddressElsewhere):
        await arrive(identity(NEW))


@pytest.mark.commits
async def test_first_sign_ins_at_the_same_moment_make_one_person(arrive, counted, runtime) -> None:
    _believes(runtime, OLD, NEW)
    people = await asyncio.gather(*(arrive(identity(OLD)) for _ in range(4)))
    assert len(set(people)) == await counted() == await counted("tenants") == 1
