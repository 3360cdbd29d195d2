"""Checks at the start of a production process what no setting shows: the rights of the database role, anonymous access
to Valkey, NATS and S3, and the permissions of the CA key files.

A service that does not answer is asked again until it does; until database and Valkey have answered, the web process is
not ready.
"""

import asyncio
import os
import signal
from collections.abc import Awaitable, Callable, Mapping
from typing import NamedTuple

import structlog
from psycopg import Error as DatabaseError
from redis.exceptions import RedisError

from app.settings import Fault, Settings, SettingsError, unknown_names
from app.shared.context import Runtime
from app.shared.db.role import find_role_faults
from app.shared.events.anonymous import takes_anybody
from app.shared.open_bucket import lists_to_anybody
from app.shared.pki.key_files import find_key_faults
from app.shared.rdb.anonymous import answers_anybody

NEEDED = frozenset({"BERTH_DATABASE_URL", "BERTH_VALKEY_URL"})
SECONDS = 8.0  # for all that one service is asked
PAUSE = 5.0
OPEN = "must be a service that asks for the password: it answers without"
LISTED = "must be a bucket of which nobody sees anything without a key: its names are listed to everybody"

log = structlog.get_logger("settings")


class Found(NamedTuple):
    """What is wrong, and the settings whose service did not answer."""

    faults: tuple[Fault, ...] = ()
    silent: tuple[str, ...] = ()


async def ask_services(settings: Settings) -> Found:
    """Ask all of them at once; nothing in development."""
    if settings.development:
        return Found()
    questions: dict[str, Awaitable[list[str]]] = {
        "BERTH_DATABASE_URL": find_role_faults(settings.database.url),
        "BERTH_VALKEY_URL": _open(answers_anybody(settings.valkey_url)),
        "BERTH_NATS_URL": _open(takes_anybody(settings.nats_url)),
        "BERTH_S3_BUCKET": _open(lists_to_anybody(settings.s3.url, settings.s3.bucket), LISTED),
    }
    answers = await asyncio.gather(*map(_answer, questions.values()))
    faults = [Fault("BERTH_PKI_DIR", text) for text in find_key_faults(settings.pki_dir)]
    faults += [Fault(name, text) for name, answer in zip(questions, answers, strict=True) for text in answer or ()]
    return Found(tuple(faults), tuple(name for name, answer in zip(questions, answers, strict=True) if answer is None))


async def _answer(question: Awaitable[list[str]]) -> list[str] | None:
    try:
        async with asyncio.timeout(SECONDS):
            return await question
    except (DatabaseError, RedisError, OSError, TimeoutError):
        return None


async def _open(question: Awaitable[bool], text: str = OPEN) -> list[str]:
    return [text] if await question else []


def is_confirmed(runtime: Runtime) -> bool:
    """Whether every service that a page needs was asked. The others, which may be away, are asked on."""
    return not NEEDED & {*runtime.silent}


def begin(settings: Settings, environ: Mapping[str, str]) -> tuple[str, ...]:
    """At the start of a process, before its loop: say which exceptions are made, ask the services. The settings of
    those that did not answer. Raises SettingsError."""
    if settings.allowed:
        log.warning("production lets pass what it refuses", allowed=[one.name for one in settings.allowed])
    if not settings.development and (stray := unknown_names(environ)):
        log.warning("variables that nobody reads", names=stray)
    return asyncio.run(confirm(settings))


async def confirm(settings: Settings) -> tuple[str, ...]:
    """The settings whose service did not answer. Raises SettingsError with what the others say."""
    found = await ask_services(settings)
    if found.faults:
        raise SettingsError(found.faults)
    return found.silent


def end_process() -> None:
    """Finish what is open, then stop; the next start says why."""
    os.kill(os.getpid(), signal.SIGTERM)


class Asking:
    """A part of a process that began before every service had answered."""

    def __init__(self, runtime: Runtime) -> None:
        self._task = asyncio.create_task(keep_asking(runtime))

    async def aclose(self) -> None:
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)


async def keep_asking(runtime: Runtime, end: Callable[[], None] = end_process, pause: float = PAUSE) -> None:
    """Until every service has answered well once. What is wrong ends the process."""
    while runtime.silent:
        await asyncio.sleep(pause)
        try:
            runtime.silent = await confirm(runtime.settings)
        except SettingsError as error:
            log.critical(
                "the settings cannot be used", faults=[f"{fault.setting} {fault.text}" for fault in error.faults]
            )
            end()
            return
