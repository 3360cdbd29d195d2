"""Keys, certificates and connections end with the right to log in, whatever ended it, with OpenSSH's own client."""

from __future__ import annotations

import asyncio

import pytest
from sqlalchemy import text

from app.domains.auth import public as auth
from app.domains.auth.contracts.customers import SuspendPerson, SuspendTenant
from app.domains.auth.service import sessions
from app.domains.auth.service.sessions import RevokeSession
from app.shared.authz.actor import SYSTEM
from tests.domains.provisioning.test_access import (
    DOMAINS,
    Person,
    Place,
    ada,
    attach,
    ben,
    bench,
    certify,
    enter,
    place,
    settings,
)
from tests.fixtures.drain import drain, run_cron

pytestmark = [pytest.mark.anyio, pytest.mark.commits]
FIXTURES = (ada, ben, bench, place, settings)


async def suspend(runtime, operator: Person, ben: Person, way: str) -> None:
    """Whoever may not log in any more, by each way in which nobody touched a membership."""
    actor = ben.browser.actor
    async with runtime.context(operator.browser.actor) as ctx:
        if way == "person suspended":
            await auth.suspend_person(ctx, SuspendPerson(user_id=actor.id, suspend=True, reason="for the test"))
        elif way == "organisation suspended":
            command = SuspendTenant(tenant_id=actor.tenant_id, suspend=True, reason="for the test")
            await auth.suspend_tenant(ctx, command)
    if way == "signed out":
        async with runtime.context(actor) as ctx:
            await sessions.revoke_session(ctx, RevokeSession(session_id=actor.session_id))


@pytest.mark.parametrize(
    ("way", "heard"), [("person suspended", True), ("organisation suspended", False), ("signed out", True)]
)
async def test_however_a_right_to_log_in_ends_keys_connections_and_certificates_end_at_once(
    runtime, sign_in_as, ada: Person, ben: Person, place: Place, way: str, heard: bool
) -> None:
    olga = Person(await sign_in_as("olga", operator=True), place.folder)
    await attach(ben, place, await ben.register("bens"))
    await drain(runtime, DOMAINS)
    key, options = await certify(ben, place, "his")
    session = await enter(place, key, *options)
    plain = await enter(place, ben.files["bens"])
    await suspend(runtime, olga, ben, way)
    if not heard:  # the event is lost: the watch finds it
        async with runtime.context(SYSTEM) as ctx:
            await ctx.session.execute(text("DELETE FROM shared.outbox_events WHERE kind = 'event'"))
        await run_cron(runtime, DOMAINS, "releases.watch_rights")
    await drain(runtime, DOMAINS)
    async with asyncio.timeout(5):
        assert await session.wait() == 255
    assert (await place.ssh(key, *options))[0] == 255
    if way != "signed out":  # an own key hangs on no sign-in
        async with asyncio.timeout(5):
            assert await plain.wait() == 255
        assert (await place.ssh(ben.files["bens"]))[0] == 255
    else:
        plain.kill()
        await plain.wait()
    async with runtime.context(SYSTEM) as ctx:
        row = text("SELECT details FROM admin.audit_logs WHERE action = 'ssh_access.end' AND target_id = :id")
        assert [one["machines"] for one in await ctx.session.scalars(row, {"id": str(ben.browser.actor.id)})] == [
            [str(place.machine.id)]
        ] * (1 if way == "signed out" else 2)


async def test_a_key_that_was_deleted_takes_its_certificates_along(runtime, ada: Person, place: Place) -> None:
    key_id = await ada.register("certified")
    path = f"/api/v1/allocations/{place.machine.id}/ssh-certificates"
    answer = await ada.browser.post_json(path, {"public_key": ada.public_key("certified")})
    certificate = place.folder / "signed"
    certificate.write_text(answer.json()["certificate"] + "\n")
    session = await enter(place, ada.files["certified"], "-o", f"CertificateFile={certificate}")
    assert (await ada.browser.post(f"/settings/keys/{key_id}/revoke")).status_code == 303
    await drain(runtime, DOMAINS)
    async with asyncio.timeout(5):
        assert await session.wait() == 255
    assert (await place.ssh(ada.files["certified"], "-o", f"CertificateFile={certificate}"))[0] == 255
