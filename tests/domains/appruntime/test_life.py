"""An app from launch to release on a real simulated machine, with everything that may come between."""

import asyncio
from uuid import uuid4

import pytest
from sqlalchemy import text
from sqlalchemy.exc import ProgrammingError
from websockets.exceptions import ConnectionClosed

from app.domains.appruntime.contracts import AppView, PublishManifest
from app.domains.appruntime.errors import AppActionRefused, AppNameInUse, ManifestTaken
from app.domains.appruntime.service.health import ask_again, leave_machine, watch
from app.domains.appruntime.service.manifests import built_in, publish
from app.shared.authz.actor import SYSTEM
from app.shared.context import Runtime
from tests.domains.appruntime.world import Desk, eventually
from tests.domains.terminal.world import Visitor
from tests.fixtures.app import expire

pytestmark = pytest.mark.commits


async def publish_variant(runtime: Runtime, **changes: object) -> None:
    """The echo app as another app."""
    body = dict(built_in()[0].body) | {"slug": "variant", "version": "0.0.1"} | changes
    async with runtime.context(SYSTEM) as ctx:
        await publish(ctx, PublishManifest(body=body))


async def steps_of(runtime: Runtime, app: AppView) -> list[tuple[int, str, str]]:
    async with runtime.context(SYSTEM) as ctx:
        statement = (
            "SELECT run, step, state FROM appruntime.app_instance_events WHERE app_id = :id ORDER BY started_at, id"
        )
        return [tuple(row) for row in await ctx.session.execute(text(statement), {"id": app.id})]  # type: ignore[misc]


async def test_stop_start_restart_and_release(desk: Desk, runtime: Runtime) -> None:
    app = await desk.running()
    assert await desk.act(app.id, "stop") == "stopping"
    assert await desk.act(app.id, "stop") == "stopping"  # again: nothing new
    assert (await desk.down(app.id)).state == "stopped"
    assert await desk.act(app.id, "start") == "requested"
    assert (await desk.up(app.id)).state == "running"
    assert await desk.act(app.id, "restart") == "stopping"
    assert (await desk.down(app.id)).state == "requested"  # and asks for its third run
    assert (await desk.up(app.id)).run == 3
    assert await desk.act(app.id, "release") == "stopping"
    assert (await desk.down(app.id)).state == "released"
    with pytest.raises(AppActionRefused):
        await desk.act(app.id, "start")
    assert [step for step in await steps_of(runtime, app) if step[1] == "stop"] == [
        (1, "stop", "active"), (2, "stop", "active"), (3, "stop", "active"),
    ]  # fmt: skip


@pytest.mark.slow
async def test_every_step_may_be_repeated_and_changes_nothing(desk: Desk) -> None:
    launched = await desk.launch()
    drive = await desk.drive(launched.app_id, "start")
    for _ in range(2):
        await desk.driver.prepare(drive)
    for _ in range(2):
        await desk.driver.start(drive)
    await desk.driver.follow(drive)
    app = await desk.get(launched.app_id)
    assert app.state == "running"
    await desk.act(app.id, "stop")
    for _ in range(2):
        assert (await desk.down(app.id)).state == "stopped"


async def test_an_app_that_ends_by_itself_is_found_with_its_code_and_last_line(
    desk: Desk, runtime: Runtime, ada: Visitor, tabs
) -> None:  # type: ignore[no-untyped-def]
    app = await desk.running()
    assert await watch(runtime) == 0
    tab = tabs(app)
    await tab.enter(ada, app.id)
    await tab.get("/exit")

    async def found() -> bool:
        return await watch(runtime) == 1

    await eventually(found)
    ended = await desk.get(app.id)
    assert (ended.state, ended.exit_code) == ("failed", 3)
    assert ended.failure_text == "It exited with code 3. Its last line: “asked to end with code 3”"


@pytest.mark.slow
async def test_an_app_that_runs_though_it_should_not_is_ended(desk: Desk, runtime: Runtime) -> None:
    app = await desk.running()
    async with runtime.context(SYSTEM) as ctx:
        statement = "UPDATE appruntime.app_instances SET state = 'stopped', state_changed_at = now() WHERE id = :id"
        await ctx.session.execute(text(statement), {"id": app.id})
    assert await watch(runtime) == 1
    assert await watch(runtime) == 0


async def test_a_step_that_fails_says_which_and_why(desk: Desk, runtime: Runtime) -> None:
    step = {"key": "make", "label": "Make it", "command": "echo no space left; exit 4"}
    await publish_variant(runtime, steps=[step])
    launched = await desk.launch("variant")
    app = await desk.up(launched.app_id)
    assert app.state == "failed"
    assert app.failure_text == "It failed: the step “Make it” ended with code 4. Its last line: “no space left”"
    assert (1, "make", "failed") in await steps_of(runtime, app)


@pytest.mark.slow
async def test_what_was_made_once_is_found_again_by_the_next_launch(desk: Desk, runtime: Runtime) -> None:
    step = {"key": "make", "label": "Make it", "command": "mkdir -p {env} && echo x >> .made", "once": True}
    await publish_variant(runtime, steps=[step])
    for name in ("one", "two"):
        app = await desk.up((await desk.launch("variant", name)).app_id)
        assert app.state == "running", app.failure_text
    machine = await desk.links.machine(desk.machine.id)
    assert await machine._link.run("cat .made") == b"x\n"


async def test_a_machine_that_goes_takes_its_apps_along(desk: Desk, runtime: Runtime, ada: Visitor) -> None:
    app = await desk.running()
    await desk.machine.set_state("releasing")
    async with runtime.context(SYSTEM) as ctx:
        assert await leave_machine(ctx, desk.machine.id) == 1
    gone = await desk.get(app.id)
    assert (gone.state, gone.failure_text) == ("released", "Its machine was released.")
    refused = await ada.client.get(f"/apps/{app.id}/open")
    assert refused.status_code == 409


async def test_two_live_apps_have_two_names(desk: Desk) -> None:
    await desk.launch(name="twin")
    with pytest.raises(AppNameInUse):
        await desk.launch(name="twin")
    assert [(await desk.launch()).name for _ in range(2)] == ["echo", "echo-2"]


async def test_a_published_version_never_changes(desk: Desk, runtime: Runtime) -> None:
    await publish_variant(runtime)
    await publish_variant(runtime)
    with pytest.raises(ManifestTaken):
        await publish_variant(runtime, title="Other")
    with pytest.raises(ProgrammingError):
        async with runtime.context(SYSTEM) as ctx:
            await ctx.session.execute(text("UPDATE appruntime.app_manifests SET title = 'x'"))


async def test_a_lost_workflow_is_asked_for_again(desk: Desk, runtime: Runtime) -> None:
    launched = await desk.launch()
    count = text("SELECT count(*) FROM shared.outbox_events WHERE kind = 'workflow'")
    assert await ask_again(runtime) == 0
    async with runtime.context(SYSTEM) as ctx:
        statement = "UPDATE appruntime.app_instances SET state_changed_at = now() - interval '6 minutes' WHERE id = :id"
        await ctx.session.execute(text(statement), {"id": launched.app_id})
    async with runtime.context(SYSTEM) as ctx:
        before = await ctx.session.scalar(count)
    assert await ask_again(runtime) == 1
    async with runtime.context(SYSTEM) as ctx:
        assert await ctx.session.scalar(count) == before + 1


@pytest.mark.slow
async def test_the_log_is_read_in_parts_and_followed(desk: Desk, runtime: Runtime, ada: Visitor) -> None:
    app = await desk.running()
    path = f"/api/v1/apps/{app.id}/logs"
    first = (await ada.client.get(path, params={"offset": 0, "limit": 10})).json()
    assert (first["start"], first["next"], first["text"]) == (0, 10, "[berth] st")
    rest = (await ada.client.get(path, params={"offset": 10})).json()
    assert "echo listens" in rest["text"] and rest["next"] == rest["end"]
    waited = (await ada.client.get(path, params={"offset": rest["next"], "wait": 1})).json()
    assert waited["text"] == ""
    assert (await ada.client.get(f"/apps/{app.id}/log")).text.count("echo listens") == 1


async def test_members_open_or_see_and_a_removal_closes_their_sockets(
    desk: Desk, runtime: Runtime, ada: Visitor, visitors, tabs
) -> None:  # type: ignore[no-untyped-def]
    app = await desk.running()
    ben = await visitors("ben")
    await join(runtime, ada, ben)
    assert (await ben.client.get(f"/apps/{app.id}")).status_code == 404
    member = {"email": "ben@example.com", "role": "viewer"}
    assert (await call(ada, "PUT", f"/api/v1/apps/{app.id}/members", member)).status_code == 200
    assert (await ben.client.get(f"/apps/{app.id}")).status_code == 200
    assert (await ben.client.get(f"/apps/{app.id}/open")).status_code == 403
    assert (await call(ben, "POST", f"/api/v1/apps/{app.id}/stop")).status_code == 403
    await call(ada, "PUT", f"/api/v1/apps/{app.id}/members", member | {"role": "user"})
    tab = tabs(app)
    await tab.enter(ben, app.id)
    socket = await tab.socket()
    removed = await call(ada, "DELETE", f"/api/v1/apps/{app.id}/members/{ben.actor.id}")
    assert removed.status_code == 200, removed.text
    async with asyncio.timeout(5):
        with pytest.raises(ConnectionClosed):
            await socket.recv()
    assert (await tab.get("/")).status_code == 404
    last = await call(ada, "DELETE", f"/api/v1/apps/{app.id}/members/{ada.actor.id}")
    assert last.json()["error"]["code"] == "app_last_owner"
    stranger = {"email": "nobody@example.com", "role": "user"}
    assert (await call(ada, "PUT", f"/api/v1/apps/{app.id}/members", stranger)).status_code == 422


async def join(runtime: Runtime, host: Visitor, guest: Visitor) -> None:
    """`guest` gets a role in the project of `host`, and stands there."""
    async with runtime.context(SYSTEM) as ctx:
        values = {"guest": guest.actor.id, "tenant": host.actor.tenant_id, "project": host.actor.project_id}
        statement = """
            INSERT INTO auth.memberships (id, user_id, tenant_id, project_id, role, created_at)
            VALUES (gen_random_uuid(), :guest, :tenant, :project, 'project_member', now())
        """
        await ctx.session.execute(text(statement), values)
        place = "UPDATE auth.oidc_sessions SET tenant_id = :tenant, project_id = :project WHERE user_id = :guest"
        await ctx.session.execute(text(place), {**values})
    await expire(runtime)  # who a cookie stands for is remembered for some seconds


async def call(visitor: Visitor, method: str, path: str, body: object = None):  # type: ignore[no-untyped-def]
    headers = {"sec-fetch-site": "same-origin", "x-csrftoken": visitor.csrf, "x-idempotency-key": uuid4().hex}
    return await visitor.client.request(method, path, json=body, headers=headers)
