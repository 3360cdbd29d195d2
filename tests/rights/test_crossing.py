"""Every kind of holder crossed with every way in which a right ends: over within its bound, in words, and audited.

In process, with what is kept for seconds forgotten and the watches run by hand, as their bounds say. The SSH side of
certificates and keys is tried with OpenSSH in test_ssh.py.
"""

import itertools
import re

import pytest
from sqlalchemy import text

from app.shared.authz.actor import SYSTEM
from tests.fixtures.app import expire
from tests.rights import kinds, kinds_handed_out
from tests.rights.holders import HOLDERS, Way
from tests.rights.world import World, end, make_world

KINDS = kinds.KINDS | kinds_handed_out.KINDS
PAIRS = [(holder, way) for holder, way in itertools.product(HOLDERS, Way) if way in holder.ended_by]


def test_every_registered_kind_is_crossed() -> None:
    assert set(KINDS) == {holder.name for holder in HOLDERS}
    assert len(PAIRS) > 70


@pytest.mark.parametrize(("holder", "way"), PAIRS, ids=lambda one: getattr(one, "name", one).replace(" ", "_"))
async def test_it_is_over_within_its_bound_in_words_and_audited(runtime, sign_in_as, client, holder, way: Way) -> None:
    world: World = await make_world(runtime, sign_in_as, client, way)
    held = await KINDS[holder.name](world)
    assert await held.works(), "it has to work first"
    before = await _audited(world)
    await end(world, way)
    await expire(runtime)  # what is kept for five seconds
    await held.settle()
    assert not await held.works()
    words = await held.words()
    assert re.search(r"[a-z]{3,} [a-z]{2,}", words), words
    assert await _audited(world) > before


async def _audited(world: World) -> int:
    async with world.runtime.context(SYSTEM) as ctx:
        return int(await ctx.session.scalar(text("SELECT count(*) FROM admin.audit_logs")) or 0)
