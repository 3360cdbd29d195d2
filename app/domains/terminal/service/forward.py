"""The web process's part: it finds the host of a shell and passes frames between it and the browser's socket, unread.

How much output may be under way is the host's affair (service/attachment.py), so little waits here. A link that breaks
is asked about: a host that is gone took its shells along, which is said in words; to any other the browser comes back
and goes on where it was.
"""

import asyncio
import contextlib

import msgspec
import structlog
from redis.exceptions import RedisError

from app.domains.terminal.contracts import Ticket
from app.domains.terminal.service import directory
from app.domains.terminal.service.attachment import LAST_WORDS_SECONDS, NORMAL, SocketGone, Wire
from app.domains.terminal.service.handshake import NotTheHost, Refused, connect
from app.domains.terminal.service.link import Link, LinkClosed
from app.domains.terminal.service.records import record_hosts_gone
from app.domains.terminal.service.shell import last_words
from app.shared.authz import Actor
from app.shared.authz.actor import SYSTEM
from app.shared.context import Runtime

COME_BACK = 1012  # the browser comes back and says what it has

log = structlog.get_logger("berth.terminal")
_encode = msgspec.json.Encoder()


async def serve(runtime: Runtime, actor: Actor, ticket: Ticket, browser: Wire) -> None:
    """Show the ticket's shell, or a new one, on this socket. Returns when the socket is closed."""
    with contextlib.suppress(SocketGone):
        try:
            host, link = await _open(runtime, actor, ticket)
        except directory.HostGone:
            await _end_lost(runtime, ticket.host, browser)
        except directory.HostUnreachable:
            if ticket.terminal_id is None:
                await _say_last(browser, "no_host")
            else:
                await browser.close(COME_BACK, "")
        else:
            await _pass_frames(runtime, browser, link, host)


async def _open(runtime: Runtime, actor: Actor, ticket: Ticket) -> tuple[str, Link]:
    """A link to the shell's host, or to one that takes a new shell. Raises HostGone or HostUnreachable."""
    if ticket.terminal_id is not None:
        return ticket.host, await _connect(runtime, actor, ticket, ticket.host)
    try:
        hosts = await directory.list_hosts(runtime.valkey)
    except (RedisError, OSError) as error:
        raise directory.HostUnreachable from error
    for host in hosts:
        try:
            return host, await _connect(runtime, actor, ticket, host)
        except (directory.HostGone, directory.HostUnreachable) as error:
            log.warning("a terminal host takes no shell", host=host, error=type(error).__name__)
    raise directory.HostUnreachable


async def _connect(runtime: Runtime, actor: Actor, ticket: Ticket, host: str) -> Link:
    """Raises HostGone or HostUnreachable."""
    link, greeting = await directory.open_link(host)
    try:
        await connect(link, greeting, runtime.settings.web.secret_key, host, actor, ticket)
    except (NotTheHost, Refused, SocketGone, TimeoutError) as error:
        link.abandon()
        raise directory.HostUnreachable from error
    return link


async def _pass_frames(runtime: Runtime, browser: Wire, link: Link, host: str) -> None:
    """Both ways until one side ends. Raises SocketGone."""
    typing = asyncio.create_task(_pass_input(browser, link))
    try:
        while True:
            try:
                frame = await link.receive()
            except LinkClosed as closed:
                await browser.close(closed.code, closed.reason)
                return
            except SocketGone:
                break
            await browser.send(frame)
    finally:
        browser_left = typing.done() and typing.result()
        typing.cancel()
        link.abandon()
    if browser_left:
        return
    if await directory.is_gone(host):
        await _end_lost(runtime, host, browser)
    else:
        await browser.close(COME_BACK, "")


async def _pass_input(browser: Wire, link: Link) -> bool:
    """Whether it was the browser who left; the link ends with it."""
    while True:
        try:
            frame = await browser.receive()
        except SocketGone:
            link.abandon()
            return True
        try:
            await link.send(frame)
        except SocketGone:
            return False


async def _end_lost(runtime: Runtime, host: str, browser: Wire) -> None:
    """Say what became of the shell, and write it down for all that this host had."""
    async with runtime.context(SYSTEM) as ctx:
        await record_hosts_gone(ctx, [host])
    await _say_last(browser, "portal_restarted")


async def _say_last(browser: Wire, code: str) -> None:
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(LAST_WORDS_SECONDS):
            await browser.send(_encode.encode(last_words(code)).decode())
            await browser.close(NORMAL, "")
