"""Who loses the role that opens shells loses the open ones, within five seconds and in words."""

import time
from collections.abc import Awaitable, Callable

import pytest

from app.domains.auth.service import team
from app.domains.auth.service.team import RemoveMember, SetRole
from app.shared.context import Runtime
from tests.domains.auth.world import invite_and_accept
from tests.domains.terminal.world import Machine, Visitor

pytestmark = pytest.mark.commits


@pytest.mark.parametrize("way", ["removed", "made billing"])
async def test_a_member_who_loses_access_loses_their_shell_and_others_keep_theirs(
    visitors: Callable[..., Awaitable[Visitor]], ada: Visitor, machine: Machine, runtime: Runtime, way: str
) -> None:
    ben = await visitors("ben")
    await invite_and_accept(runtime, ada.actor, ben.actor, "tenant_member")
    own, theirs = await ada.tab(machine.id), await ben.tab(machine.id)
    assert (await theirs.run("whoami")).strip() == "ada"
    began = time.monotonic()
    async with runtime.context(ada.actor) as ctx:
        if way == "removed":
            await team.remove_member(ctx, RemoveMember(user_id=ben.actor.id))
        else:
            await team.set_role(ctx, SetRole(user_id=ben.actor.id, role="tenant_billing"))
    words = await theirs.until_ended()
    assert time.monotonic() - began < 5
    assert (words["code"], words["next"]) == ("access_removed", "machines")
    assert (await ben.ask_token(machine.id)).status_code in (403, 404)
    assert (await own.run("echo alive")).strip() == "alive"
