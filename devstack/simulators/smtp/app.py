"""The simulated mail server: SMTP on one port, its inbox as a page and as JSON on another. Wiring only."""

import asyncio
import contextlib
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import cast
from uuid import uuid4

from devstack.simulators.faults import Faults
from devstack.simulators.http import Application, Request, Response, application, html_response, json_response, redirect
from devstack.simulators.smtp import pages
from devstack.simulators.smtp.models import Mail, summary
from devstack.simulators.smtp.protocol import Server
from devstack.simulators.store import Store

KEPT = 500
LONGEST_WAIT = 25.0  # seconds
ISOLATED = (
    ("content-security-policy", "sandbox; default-src 'none'; style-src 'unsafe-inline'"),
    ("x-content-type-options", "nosniff"),
)


def create_app(config: Mapping[str, object], data_dir: Path, now: Callable[[], float] = time.time) -> Application:
    """For the `smtp` section of `config`: `port` serves the page, `smtp_port` takes mail (0 becomes the one bound)."""
    section = cast("dict[str, object]", config["smtp"])
    faults = Faults(data_dir)
    store = Store(data_dir / "smtp.sqlite")
    arrived = asyncio.Condition()
    telling: set[asyncio.Task[None]] = set()

    async def tell() -> None:
        async with arrived:
            arrived.notify_all()

    def accept(sender: str, recipients: tuple[str, ...], raw: bytes) -> str:
        mail = Mail(id=uuid4().hex, sender=sender, recipients=recipients, raw=raw, received_at=now())
        store.put(mail.id, mail)
        for old in store.all(Mail)[:-KEPT]:
            store.delete(Mail, old.id)
        task = asyncio.get_running_loop().create_task(tell())
        telling.add(task)
        task.add_done_callback(telling.discard)
        return mail.id

    server = Server(int(str(section.get("smtp_port", 0))), faults, accept)

    async def start() -> None:
        await server.start()
        section["smtp_port"] = server.port

    async def stop() -> None:
        await server.stop()
        store.close()

    async def handle(request: Request) -> Response:
        if request.path == "/api/mails" and request.query.get("wait", "").isdigit():
            await _wait(store, arrived, request)
        return _route(store, request)

    return application(handle, faults, on_startup=start, on_shutdown=stop)


async def _wait(store: Store, arrived: asyncio.Condition, request: Request) -> None:
    """`?to=ADDRESS&wait=SECONDS`: until that address has a mail."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(min(float(request.query["wait"]), LONGEST_WAIT)), arrived:
            await arrived.wait_for(lambda: bool(_newest(store, request.query.get("to", ""))))


def _route(store: Store, request: Request) -> Response:
    match request.method, request.segments:
        case "GET", []:
            to = request.query.get("to", "")
            return html_response(pages.inbox(_newest(store, to), to))
        case "GET", ["assets", "inbox.css"]:
            return Response(200, pages.STYLE.encode(), "text/css; charset=utf-8")
        case "GET", ["api", "mails"]:
            return json_response([summary(mail) for mail in _newest(store, request.query.get("to", ""))])
        case "POST", ["clear"]:
            for mail in store.all(Mail):
                store.delete(Mail, mail.id)
            return redirect("/")
        case "GET", ["mail", mail_id, *rest]:
            found = store.find(Mail, mail_id)
            return Response(404, b"no such mail") if found is None else _mail(found, rest)
        case _:
            return Response(404, b"not found")


def _mail(mail: Mail, rest: list[str]) -> Response:
    match rest:
        case []:
            return html_response(pages.mail(mail))
        case ["html"]:
            return html_response(mail.part("html") or "", headers=ISOLATED)
        case ["text"]:
            return Response(200, (mail.part("plain") or "").encode())
        case ["raw"]:
            return Response(200, mail.raw, "text/plain; charset=utf-8", headers=ISOLATED)
        case _:
            return Response(404, b"not found")


def _newest(store: Store, to: str) -> list[Mail]:
    wanted = to.strip().casefold()
    mails = reversed(store.all(Mail))
    return [mail for mail in mails if not wanted or wanted in {name.casefold() for name in mail.recipients}]
