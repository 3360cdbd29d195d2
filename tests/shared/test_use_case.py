"""What `@use_case` does for every change: it answers a repeat, and its row says what was changed."""

import msgspec
import pytest
from sqlalchemy import text

from app.shared.audit import AuditAction, ChangeForgotten, Effect, withheld
from app.shared.authz import Permission
from app.shared.authz.actor import SYSTEM
from app.shared.context import Context, Runtime
from app.shared.idempotency import IdempotencyKey, KeyForgotten
from app.shared.use_case import Unprivileged, find_answer, use_case

ANYBODY = Unprivileged("a test")
RENAME = AuditAction.SSH_KEY_RENAME  # any of those that change something
DETAILS = text("SELECT details FROM admin.audit_logs WHERE action = :action ORDER BY id")
ran: list[int] = []


class Done(msgspec.Struct, frozen=True):
    number: int


@use_case(ANYBODY)
async def inner(ctx: Context, command: int) -> Done:
    ran.append(command)
    return Done(command)


@use_case(ANYBODY)
async def outer(ctx: Context, command: int) -> Done:
    first, second = await inner(ctx, command), await inner(ctx, command + 1)
    return Done(first.number + second.number)


@use_case(ANYBODY, RENAME, lambda command, _: f"key {command['id']}")
async def rename(ctx: Context, command: dict[str, tuple[object, object]]) -> Done:
    if "fields" in command:
        ctx.changed(**command["fields"])
    return Done(0)


def key(name: str = "k") -> IdempotencyKey:
    ran.clear()
    return IdempotencyKey("test", "", "POST /x", name, b"body")


async def details(ctx: Context) -> list[dict[str, object]]:
    return list(await ctx.session.scalars(DETAILS, {"action": RENAME}))


async def test_what_a_use_case_calls_is_a_part_of_it_and_a_repeat_runs_nothing(runtime: Runtime) -> None:
    for _ in range(2):
        async with runtime.context(SYSTEM, idempotency=key()) as ctx:
            assert await outer(ctx, 3) == Done(7)
            assert await find_answer(ctx, outer, "") == Done(7)
    assert not ran


async def test_two_use_cases_of_one_request_need_parts(runtime: Runtime) -> None:
    async with runtime.context(SYSTEM, idempotency=key()) as ctx:
        await inner(ctx, 1)
        with pytest.raises(KeyForgotten):
            await inner(ctx, 2)
        assert await find_answer(ctx, inner, "second") is None
        assert await inner(ctx, 2, part="second") == Done(2)
        assert await find_answer(ctx, inner, "second") == Done(2)
    assert ran == [1, 2]


async def test_without_a_key_it_runs_as_often_as_it_is_called(runtime: Runtime) -> None:
    ran.clear()
    async with runtime.context(SYSTEM) as ctx:
        await inner(ctx, 1)
        await inner(ctx, 1)
    assert ran == [1, 1]


async def test_a_change_that_does_not_say_what_it_changed_is_refused(runtime: Runtime) -> None:
    async with runtime.context(SYSTEM) as ctx:
        with pytest.raises(ChangeForgotten):
            await rename(ctx, {"id": 1})
        assert not await details(ctx)


async def test_only_what_differs_is_kept_and_nothing_is_an_answer(runtime: Runtime) -> None:
    async with runtime.context(SYSTEM) as ctx:
        await rename(ctx, {"id": 1, "fields": {"role": ("a", "b"), "same": (1, 1), "name": withheld("Ada", "Ben")}})
        await rename(ctx, {"id": 1, "fields": {"name": withheld("Ada", "Ada")}})
        first, second = await details(ctx)
    assert first["changes"] == {"role": ["a", "b"], "name": list(withheld())}
    assert second["changes"] == {}
    assert "Ada" not in str(first)


async def test_an_action_has_targets_of_its_own_kinds_only(runtime: Runtime) -> None:
    async with runtime.context(SYSTEM) as ctx:
        with pytest.raises(ValueError, match="not about project"):
            await ctx.audit(AuditAction.SESSION_SIGN_OUT, "x", kind="project")


def test_what_needs_a_permission_is_audited() -> None:
    with pytest.raises(TypeError):
        use_case(Permission.PROFILE)


def test_every_action_is_about_something() -> None:
    assert all(action.kinds and action.effect in Effect for action in AuditAction)
    assert len({action.value for action in AuditAction}) == len(AuditAction.__members__)
