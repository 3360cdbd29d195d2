"""How each kind of holder is held in a test, whether it still works, and what it says when it does not."""

import inspect
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from urllib.parse import parse_qs, urlsplit
from uuid import UUID

from sqlalchemy import text

from app.domains.appruntime.contracts import AppSession, AppView
from app.domains.appruntime.repository import AppRepository, MemberRepository
from app.domains.appruntime.service import manifests
from app.domains.appruntime.service.admission import Admission
from app.domains.appruntime.service.error_pages import ERROR_PAGES
from app.domains.auth.repository import AuthRepository
from app.domains.auth.rules.values import Visit
from app.domains.auth.service import accounts, tokens
from app.domains.auth.service.accounts import CreateCredential
from app.domains.notification.service.hub import SESSION_ENDED, LiveConnection, LiveHub
from app.domains.provisioning import public as provisioning
from app.domains.provisioning.contracts import AccessTarget
from app.domains.releases import public as releases
from app.domains.releases.contracts import AddKey
from app.domains.releases.jobs import watch_rights
from app.domains.releases.repository import AttachmentRepository
from app.domains.releases.service import keys
from app.domains.storage.repository.copies import CopyView
from app.domains.storage.service import copies, links
from app.domains.storage.service.links import ShareObject
from app.domains.terminal.rules.messages import ending
from app.domains.terminal.service.host import TerminalHost
from app.domains.terminal.service.shell import Shell
from app.shared.authz.actor import SYSTEM
from app.shared.crypto import digest
from app.shared.errors import DomainError
from app.shared.ids import new_id
from app.shared.pki import LocalAuthority
from tests.domains.releases.machines import a_machine
from tests.fixtures.push import Heard
from tests.rights.world import World


async def nothing() -> None:
    return None


@dataclass
class Held:
    works: Callable[[], Awaitable[bool]]
    words: Callable[[], Awaitable[str]]
    settle: Callable[[], Awaitable[object]] = nothing


async def said(answer) -> str:
    """What a program is told."""
    return answer.json()["error"]["message"] if answer.status_code >= 400 else "You stand somewhere else now."


def _stands(world: World, me) -> bool:
    place = (me.get("tenant_id"), me.get("project_id"))
    return place == (str(world.tenant_id), str(world.project_id))


async def browser_session(world: World) -> Held:
    async def works() -> bool:
        me, machines = [await world.ben.client.get(f"/api/v1/{path}") for path in ("me", "storage/usage")]
        return (me.status_code, machines.status_code) == (200, 200) and _stands(world, me.json())

    async def words() -> str:
        return await said(await world.ben.client.get("/api/v1/storage/usage"))

    return Held(works, words)


async def command_line(world: World) -> Held:
    ben, session_id = world.ben.actor, new_id()
    async with world.runtime.context(ben) as ctx:
        now = await ctx.now()
        visit = Visit(user_agent="berth-cli/1 (laptop)", address="127.0.0.1")
        place = (world.tenant_id, world.project_id)
        await AuthRepository(ctx.session).append_session(
            session_id, digest(str(session_id)), ben.id, place, "cli", visit, now, now + timedelta(days=1)
        )
        claims = {"sub": str(ben.id), "jti": str(new_id()), "sid": str(session_id), "client_id": "berth-cli"}
        bearer = {"authorization": f"Bearer {await tokens.signed_token(ctx, claims, 600)}"}
    world.kept["session_id"] = session_id

    async def works() -> bool:
        return (await world.client.get("/api/v1/storage/usage", headers=bearer)).status_code == 200

    async def words() -> str:
        return await said(await world.client.get("/api/v1/storage/usage", headers=bearer))

    return Held(works, words)


async def terminal(world: World) -> Held:
    host, ben = TerminalHost(world.runtime), world.ben.actor
    place = (world.tenant_id, world.project_id)
    shell = Shell(new_id(), world.allocation_id, ben.id, lambda *_: None, place)
    shell.sessions.add(ben.session_id)
    host._shells[shell.id] = shell

    async def works() -> bool:
        return shell.end_code is None

    async def words() -> str:
        return ending(shell.end_code or "").reason

    return Held(works, words, host._check)


async def _authority(world: World) -> None:
    import asyncssh

    folder = world.runtime.settings.pki_dir
    folder.mkdir(exist_ok=True)
    for name in ("user_ca", "host_ca"):
        (folder / name).write_bytes(asyncssh.generate_private_key("ssh-ed25519").export_private_key())
    LocalAuthority(folder)


def _public_key() -> str:
    import asyncssh

    return asyncssh.generate_private_key("ssh-ed25519").export_public_key().decode().strip()


async def _own_key(world: World) -> str:
    line = _public_key()
    async with world.runtime.context(world.actor) as ctx:
        world.key_id = (await keys.add_key(ctx, AddKey(name="laptop", public_key=line))).key_id
    return line


async def _ssh_words(world: World) -> str:
    statement = text("SELECT details FROM admin.audit_logs WHERE action = 'ssh_access.end'")
    async with world.runtime.context(SYSTEM) as ctx:
        rows = list(await ctx.session.scalars(statement))
    return str(rows[0]["words"]) if rows else "the key or the machine is gone, which its page says"


def _watch(world: World) -> Callable[[], Awaitable[None]]:
    return lambda: watch_rights(world.runtime, {})


def _machine(world: World) -> AccessTarget:
    return a_machine(tenant_id=world.tenant_id, project_id=world.project_id, allocation_id=world.allocation_id)


async def certificate(world: World) -> Held:
    await _authority(world)
    line = await _own_key(world)
    async with world.runtime.context(world.actor) as ctx:
        signed = await releases.certify_key(ctx, _machine(world), line)

    async def works() -> bool:
        statement = text("SELECT ended_at IS NULL FROM releases.allocation_ssh_public_keys WHERE serial = :serial")
        async with world.runtime.context(SYSTEM) as ctx:
            return bool(await ctx.session.scalar(statement, {"serial": signed.serial}))

    return Held(works, lambda: _ssh_words(world), _watch(world))


async def ssh_key(world: World) -> Held:
    await _own_key(world)
    async with world.runtime.context(world.actor) as ctx:
        await releases.attach_keys(ctx, _machine(world), world.actor.id, [world.key_id])

    async def works() -> bool:
        async with world.runtime.context(SYSTEM) as ctx:
            return bool(await AttachmentRepository(ctx.session).list_wanted(world.allocation_id))

    return Held(works, lambda: _ssh_words(world), _watch(world))


async def app_session(world: World) -> Held:
    ben = world.ben.actor
    async with world.runtime.context(SYSTEM) as ctx:
        await manifests.publish_built_in(ctx)
        manifest = next(iter((await manifests.all_versions(_as(ctx, world))).values()))[0]
        now = await ctx.now()
        app = AppView(
            id=new_id(), handle=new_id().hex[-12:], tenant_id=world.tenant_id, project_id=world.project_id,
            allocation_id=world.allocation_id, user_id=ben.id, manifest_id=manifest.id, slug=manifest.slug,
            manifest_version=manifest.version, title=manifest.title, name="notes", login="ada", state="running",
            wanted="running", run=1, state_changed_at=now, exit_code=None, failure_text=None, correlation_id="test",
            requested_at=now, running_at=now, ended_at=None, version=1,
        )  # fmt: skip
        await AppRepository(ctx.session).append(app)
        await MemberRepository(ctx.session).set(app, ben.id, "owner", now)
    admission = Admission(world.runtime)
    session = AppSession(app_id=app.id, handle=app.handle, user_id=ben.id, session_id=ben.session_id)

    async def verdict() -> str:
        admission._rulings.clear()  # two seconds later
        return (await admission.ask(session)).verdict

    async def works() -> bool:
        return await verdict() == "pass"

    async def settle() -> None:
        from app.domains.appruntime.service.health import leave_machine

        async with world.runtime.context(SYSTEM) as ctx:
            if await provisioning.access_endings(ctx, [world.allocation_id]):
                await leave_machine(ctx, world.allocation_id)

    async def words() -> str:
        why = await verdict()
        return "Sign in again." if why == "sign_in" else ERROR_PAGES["stranger" if why == "stranger" else "released"][2]

    return Held(works, words, settle)


def _as(ctx, world: World):
    ctx.actor = world.ada.actor
    return ctx


async def live(world: World) -> Held:
    hub, ben = LiveHub(world.runtime), world.ben.actor
    page, heard = LiveConnection(world.tenant_id, ben.session_id, ben.id, project_id=world.project_id), Heard()
    page.push = heard

    async def works() -> bool:
        return not heard.closed.done()

    async def words() -> str:
        return "signed out" if await heard.closed == SESSION_ENDED else "reconnect and refetch"

    return Held(works, words, lambda: hub.check({page}))


async def link(world: World) -> Held:
    async with world.runtime.context(world.actor) as ctx:
        shared = await links.share(ctx, ShareObject(object_id=world.object_id, hours=1))
        _, url = await links.address(ctx, shared)
    path = url.removeprefix(world.runtime.settings.web.public_url)

    async def works() -> bool:
        return (await world.client.get(path)).status_code == 303

    async def words() -> str:
        return await said(await world.client.get(path, headers={"accept": "application/json"}))

    return Held(works, words, lambda: links.withdraw(world.runtime))


async def _ask(world: World, path: str):
    """As the person, or as the program with a token of its own."""
    if world.account_id is None:
        return await world.ben.client.get(path)
    if "bearer" not in world.kept:
        world.kept["bearer"] = await bearer_of(world, world.account_id)
    return await world.client.get(path, headers=world.kept["bearer"])


async def bearer_of(world: World, account_id: UUID, creator=None) -> dict[str, str]:
    async with world.runtime.context(creator or world.ada.actor) as ctx:
        made = await accounts.create_credential(ctx, CreateCredential(service_account_id=account_id))
        secret = ctx.once_only["client_secret"]
    fields = {"grant_type": "client_credentials", "client_id": str(made.client_id), "client_secret": secret}
    answer = await world.client.post("/oauth/token", data=fields)
    return {"authorization": f"Bearer {answer.json()['access_token']}"}


async def file_address(world: World) -> Held:
    path = f"/api/v1/storage/objects/{world.object_id}/address"

    async def works() -> bool:
        answer = await _ask(world, path)
        if answer.status_code == 200:
            seconds = parse_qs(urlsplit(answer.json()["url"]).query)["X-Amz-Expires"]
            assert int(seconds[0]) <= 5
        return answer.status_code == 200

    async def words() -> str:
        return await said(await _ask(world, path))

    return Held(works, words)


async def upload(world: World) -> Held:
    item = {"path": "b.txt", "size": 3, "sha256": "ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0="}
    body = {"namespace": "files", "overwrite": False, "items": [item]}
    if world.account_id is None:
        answer = await world.ben.post_json("/api/v1/storage/uploads", body)
    else:
        await _ask(world, "/api/v1/me")
        headers = {**world.kept["bearer"], "x-idempotency-key": "one"}
        answer = await world.client.post("/api/v1/storage/uploads", json=body, headers=headers)
    path = f"/api/v1/storage/uploads/{answer.json()['items'][0]['upload']['id']}"

    async def works() -> bool:
        return (await _ask(world, path)).status_code == 200

    async def words() -> str:
        return await said(await _ask(world, path))

    return Held(works, words)


async def copy(world: World) -> Held:
    async with world.runtime.context(SYSTEM) as ctx:
        now = await ctx.now()
    shown = dict.fromkeys(inspect.signature(CopyView).parameters)
    shown |= {
        "id": new_id(), "tenant_id": world.tenant_id, "project_id": world.project_id, "object_id": world.object_id,
        "allocation_id": world.allocation_id, "created_by": world.actor.id, "created_at": now, "heartbeat_at": now,
        "size": 3, "done": 0, "version": 1,
    }  # fmt: skip
    sender = copies.Sender(world.runtime, CopyView(**shown))

    async def refused() -> str:
        try:
            async with world.runtime.context(SYSTEM) as ctx:
                await sender.check(ctx)
        except DomainError as error:
            return error.message
        return ""

    async def works() -> bool:
        return not await refused()

    return Held(works, refused)


KINDS: dict[str, Callable[[World], Awaitable[Held]]] = {
    "browser session": browser_session,
    "command line": command_line,
    "terminal": terminal,
    "SSH certificate": certificate,
    "SSH key on a machine": ssh_key,
    "app session": app_session,
    "live socket": live,
    "public link": link,
    "address of a file": file_address,
    "upload under way": upload,
    "copy to a machine": copy,
}
