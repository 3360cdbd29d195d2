"""The one module that speaks MAAS HTTP (API 2.0, seen on 3.3 to 3.7).

It signs every attempt afresh, repeats only what is safe to repeat, and after an uncertain answer to a change reads back
what really happened. It refuses to run inside a transaction, to poll, and to show a 401 body to anybody (it may hold a
secret). Addresses end in a slash and bodies are forms: MAAS overlooks JSON in silence.
"""

import asyncio
import base64
import logging
import re
import secrets
import time
from collections.abc import Awaitable, Callable, Sequence
from types import TracebackType
from typing import Self, TypeVar

import httpx2
import msgspec

from app.domains.maas.contracts import (
    GpuDevice,
    MaasEvent,
    MaasMachine,
    MaasUser,
    MaasVersion,
    MachineStatus,
    SystemId,
)
from app.domains.maas.errors import (
    MaasConflict,
    MaasError,
    MaasNotFound,
    MaasOutcomeUnknown,
    MaasRefused,
    MaasUnavailable,
    MaasUnreadable,
    NoMachineAvailable,
)
from app.domains.maas.gateway import answers, wire
from app.domains.maas.rules import ABORTED, COMMISSION_BEGAN, DEPLOY_BEGAN, RELEASE_BEGAN, api_base
from app.shared.context import Runtime
from app.shared.db.unit_of_work import refuse_open_transaction
from app.shared.http_client import http_client
from app.shared.records import UNREADABLE, Records, Unread, read_records
from app.shared.telemetry.spans import Kind, span, traceparent

log = logging.getLogger("berth.maas")
T = TypeVar("T")
E = TypeVar("E", bound=MaasError)
Form = dict[str, str]
Query = Sequence[tuple[str, str]]

MAX_IN_FLIGHT = 4  # a region process serves four requests at once
TRIES = 5
IDS_PER_CALL = 200
GPU_HARDWARE_TYPE = 5


class Timeouts(msgspec.Struct, frozen=True):
    """Seconds. A change may wait for a server's BMC, so it gets longer. `overall_*` bounds all tries together."""

    connect: float = 5.0
    read: float = 30.0
    write: float = 120.0
    overall_read: float = 90.0
    overall_write: float = 240.0


class MaasGateway:
    """A MAAS region, as one user of it. Every method raises a MaasError; all are bounded in time. A process has one
    (`ProcessGateway`), so that its limit of calls at a time holds for everybody in it together."""

    def __init__(
        self,
        base_url: str,
        api_key: str,
        *,
        transport: httpx2.AsyncBaseTransport | None = None,
        timeouts: Timeouts | None = None,
        now: Callable[[], float] = time.time,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._consumer, self._token, self._secret = _key_parts(api_key)
        self._timeouts = timeouts or Timeouts()
        self._now, self._sleep = now, sleep
        self._slots = asyncio.Semaphore(MAX_IN_FLIGHT)
        self.unread: dict[str, tuple[Unread, ...]] = {}  # of each list, when it was last read: what was passed over
        limits = httpx2.Limits(max_connections=MAX_IN_FLIGHT, max_keepalive_connections=MAX_IN_FLIGHT)
        # Never through a proxy of the environment: the controller stands in our own network.
        self._http = http_client(base_url=api_base(base_url), transport=transport, limits=limits, trust_env=False)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    # -- reading -------------------------------------------------------------------------------------------------

    async def whoami(self) -> MaasUser:
        """The user behind our key: the cheap check that key and clock are right."""
        return await self._read("users/", MaasUser, [("op", "whoami")])

    async def version(self) -> MaasVersion:
        """Version and capabilities."""
        return await self._read("version/", MaasVersion)

    async def list_machines(
        self, *, pool: str | None = None, ids: Sequence[SystemId] | None = None, agent_name: str | None = None
    ) -> list[MaasMachine]:
        """Machines we may see that fit all given filters; unknown ids are simply absent. No ids, no machines.

        Without ids, a machine whose record cannot be read is passed over and stands in `unread`. Asked for by its id it
        raises MaasUnreadable: absent would mean that it is not ours.
        """
        filters = [("pool", pool), ("agent_name", agent_name)]
        query = [(key, value) for key, value in filters if value is not None]
        if ids is None:
            listed = await self._read_set("machines/", wire.Machine, query)
            self.unread["machines/"] = listed.unread
            return [machine.ours() for machine in listed.items]
        found: list[MaasMachine] = []
        for start in range(0, len(ids), IDS_PER_CALL):
            wanted = [*query, *(("id", system_id) for system_id in ids[start : start + IDS_PER_CALL])]
            listed = await self._read_set("machines/", wire.Machine, wanted)
            answers.all_read(listed.unread)
            found += [machine.ours() for machine in listed.items]
        return found

    async def get_machine(self, system_id: SystemId) -> MaasMachine:
        """One machine. Raises MaasNotFound, or MaasRefused for a machine of another user."""
        response = await self._bounded("GET", _machine_path(system_id), (), None)
        return answers.machine(response.content)

    async def power_state(self, system_id: SystemId) -> str:
        """`on`, `off`, `unknown` or `error` as MAAS last saw it; asking the BMC itself would block it for a minute."""
        return (await self.get_machine(system_id)).power_state

    async def gpu_devices(self, system_id: SystemId) -> list[GpuDevice]:
        """The GPUs commissioning found, in order of their PCI address. Raises MaasUnreadable when one of them may be
        passed over: a machine with a GPU less would be another type."""
        path = f"nodes/{_checked(system_id)}/devices/"
        devices = await self._read_set(path, wire.Device)
        answers.all_read(devices.unread)
        gpus = [device.ours() for device in devices.items if device.hardware_type == GPU_HARDWARE_TYPE]
        return sorted(gpus, key=lambda gpu: gpu.pci_address)

    async def events(
        self, *, after: int | None = None, ids: Sequence[SystemId] = (), limit: int = 1000
    ) -> list[MaasEvent]:
        """Events of level INFO and above of machines we may see, oldest first; follow on with the last one's id."""
        query = [("op", "query"), ("limit", str(limit)), *(("id", system_id) for system_id in ids)]
        if after is not None:
            query.append(("after", str(after)))
        page = await self._read("events/", wire.Events, query)
        found = read_records(page.events, wire.Event, ("id", "node"))
        self.unread["events/"] = found.unread
        return sorted((item.ours() for item in found.items), key=lambda event: event.id)

    # -- changing ------------------------------------------------------------------------------------------------

    async def allocate(self, system_id: SystemId, *, agent_name: str, comment: str = "") -> MaasMachine:
        """Allocate this one machine. `agent_name` marks the owner: a repeat with the same one finds the machine
        allocated. Raises NoMachineAvailable when another user has it, or it is not Ready."""
        form = {"system_id": _checked(system_id), "agent_name": agent_name, "comment": comment}
        try:
            return await self._write("machines/", "allocate", form)
        except (MaasConflict, MaasOutcomeUnknown) as error:
            marked = await self._read_back(error, self.list_machines(ids=[system_id], agent_name=agent_name))
            for machine in marked or []:
                if machine.status == MachineStatus.ALLOCATED:
                    return machine
            if isinstance(error, MaasConflict):
                raise _like(NoMachineAvailable, error) from error
            raise _like(MaasUnavailable, error) from error

    async def deploy(
        self, system_id: SystemId, *, user_data: str | bytes, distro_series: str, comment: str = ""
    ) -> MaasMachine:
        """Start installing an image with this user-data; returns at once, in Deploying. Raises MaasConflict unless the
        machine is Allocated to us or Ready."""
        raw = user_data.encode() if isinstance(user_data, str) else user_data
        form = {"distro_series": distro_series, "user_data": base64.b64encode(raw).decode(), "comment": comment}
        return await self._change(system_id, "deploy", form, lambda machine: machine.status in DEPLOY_BEGAN)

    async def release(self, system_id: SystemId, *, erase: bool, comment: str = "") -> MaasMachine | None:
        """Give the machine back; with `erase` its disks are wiped first. None when it ceased to exist by that."""
        form = {"erase": "true" if erase else "false", "comment": comment}
        try:
            return await self._write(_machine_path(system_id), "release", form)
        except MaasOutcomeUnknown as unknown:
            try:
                return await self._settle(system_id, unknown, lambda machine: machine.status in RELEASE_BEGAN)
            except MaasNotFound:  # a composed machine is deleted by its release
                return None

    async def abort(self, system_id: SystemId, *, comment: str = "") -> MaasMachine:
        """Stop deploying, commissioning or erasing. Raises MaasConflict when there is nothing to stop."""
        return await self._change(system_id, "abort", {"comment": comment}, lambda item: item.status in ABORTED)

    async def power_on(self, system_id: SystemId, *, comment: str = "") -> MaasMachine:
        """Switch a machine on. Raises MaasConflict for one that is not allocated, MaasRefused without power control."""
        return await self._power(system_id, "power_on", comment, "on")

    async def power_off(self, system_id: SystemId, *, comment: str = "") -> MaasMachine:
        """Switch a machine off at once. Raises MaasRefused where MAAS has no power over it."""
        return await self._power(system_id, "power_off", comment, "off")

    async def query_power(self, system_id: SystemId) -> str:
        """Query the machine's power: on, off, unknown or error. It may take a minute, so it is not for polling."""
        query = [("op", "query_power_state")]
        return (await self._read(_machine_path(system_id), wire.Power, query)).state

    async def mark_broken(self, system_id: SystemId, *, comment: str) -> MaasMachine:
        """Take our own machine out of use; MAAS releases it by that."""
        form = {"comment": comment}
        return await self._change(system_id, "mark_broken", form, lambda item: item.status == MachineStatus.BROKEN)

    async def mark_fixed(self, system_id: SystemId, *, comment: str = "") -> MaasMachine:
        """Bring a broken machine back (administrators of MAAS only)."""
        form = {"comment": comment}
        return await self._change(system_id, "mark_fixed", form, lambda item: item.status == MachineStatus.READY)

    async def commission(self, system_id: SystemId) -> MaasMachine:
        """Inspect the hardware again (administrators of MAAS only)."""
        return await self._change(system_id, "commission", {}, lambda item: item.status in COMMISSION_BEGAN)

    # -- the wire ------------------------------------------------------------------------------------------------

    async def _change(
        self, system_id: SystemId, op: str, form: Form, worked: Callable[[MaasMachine], bool]
    ) -> MaasMachine:
        """Send a change; when its outcome is uncertain, read the machine and use what it reports."""
        try:
            return await self._write(_machine_path(system_id), op, form)
        except MaasOutcomeUnknown as unknown:
            return await self._settle(system_id, unknown, worked)

    async def _power(self, system_id: SystemId, op: str, comment: str, wanted: str) -> MaasMachine:
        form = {"comment": comment} | ({"stop_mode": "hard"} if op == "power_off" else {})
        try:
            response = await self._bounded("POST", _machine_path(system_id), [("op", op)], form)
        except MaasOutcomeUnknown as unknown:
            return await self._settle(system_id, unknown, lambda machine: machine.power_state == wanted)
        if response.content.strip() == b"null":
            raise MaasRefused("The machine controller has no power over this machine.")
        return answers.machine(response.content)

    async def _settle(
        self, system_id: SystemId, unknown: MaasOutcomeUnknown, worked: Callable[[MaasMachine], bool]
    ) -> MaasMachine:
        machine = await self._read_back(unknown, self.get_machine(system_id))
        if worked(machine):
            log.info("the answer of maas was lost, but the change of %s happened", system_id)
            return machine
        raise _like(MaasUnavailable, unknown) from unknown

    async def _read_back(self, cause: MaasError, reading: Awaitable[T]) -> T:
        """What the controller reports now. Without an answer the outcome remains unknown."""
        try:
            return await reading
        except MaasUnavailable:
            raise cause from None

    async def _read(self, path: str, shape: type[T], query: Query = ()) -> T:
        response = await self._bounded("GET", path, query, None)
        return _decode(response, shape)

    async def _read_set(self, path: str, shape: type[T], query: Query = ()) -> Records[T]:
        """A list, record by record; what cannot be read is skipped and logged."""
        found = read_records(await self._read(path, list[msgspec.Raw], query), shape, wire.DECISIVE)
        for record in found.unread:
            log.warning("maas %s: the record of %s was passed over: %s", path, record.about or "?", record.problem)
        return found

    async def _write(self, path: str, op: str, form: Form) -> MaasMachine:
        response = await self._bounded("POST", path, [("op", op)], {k: v for k, v in form.items() if v})
        try:
            return answers.machine(response.content)
        except MaasUnreadable as error:  # it happened, or did not: the machine itself says
            raise _like(MaasOutcomeUnknown, error) from error

    async def _bounded(self, method: str, path: str, query: Query, form: Form | None) -> httpx2.Response:
        refuse_open_transaction()
        overall = self._timeouts.overall_read if form is None else self._timeouts.overall_write
        sent = False
        try:
            async with asyncio.timeout(overall):
                for attempt in range(TRIES):
                    async with self._slots:  # for what is in flight only: who pauses before a repeat holds up nobody
                        sent = True
                        wait = await self._attempt(method, path, query, form, last=attempt == TRIES - 1)
                    if isinstance(wait, httpx2.Response):
                        return wait
                    sent = False
                    await self._sleep(max(wait, 0.2 * 2**attempt) * (1.0 + secrets.randbelow(250) / 1000))
        except TimeoutError:
            lost = sent and form is not None
            raise (MaasOutcomeUnknown if lost else MaasUnavailable)(operation=_label(method, query)) from None
        raise MaasUnavailable(operation=_label(method, query))

    async def _attempt(
        self, method: str, path: str, query: Query, form: Form | None, *, last: bool
    ) -> httpx2.Response | float:
        """One signed request: its answer, or the seconds to wait before it is safe and useful to try again."""
        label, timeout = _label(method, query), self._timeouts.read if form is None else self._timeouts.write
        try:
            with span(f"maas {label}", Kind.CLIENT) as recorded:
                response = await self._http.request(
                    method, path, params=list(query), data=form, headers=self._signature() | traceparent(),
                    timeout=httpx2.Timeout(timeout, connect=self._timeouts.connect),
                )  # fmt: skip
                recorded.set(**{"http.response.status_code": response.status_code})
        except (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout) as error:
            if last:
                raise MaasUnavailable(operation=label) from error
            return 0.0
        except httpx2.RequestError as error:
            if form is not None:
                raise MaasOutcomeUnknown(operation=label) from error
            if last:
                raise MaasUnavailable(operation=label) from error
            return 0.0
        if response.is_success:
            return response
        log.warning("maas %s %s answered %s", label, path, response.status_code)
        wait = answers.safe_wait(response.status_code, response.headers, is_read=form is None)
        if wait is not None and not last:
            return wait
        raise answers.refusal(response.status_code, response.headers, response.text, label, is_read=form is None)

    def _signature(self) -> dict[str, str]:
        """OAuth 1.0 PLAINTEXT with a nonce of its own: MAAS accepts none twice, not even for a retry."""
        parts = {
            "oauth_version": "1.0",
            "oauth_signature_method": "PLAINTEXT",
            "oauth_consumer_key": self._consumer,
            "oauth_token": self._token,
            "oauth_signature": f"%26{self._secret}",
            "oauth_nonce": secrets.token_hex(16),
            "oauth_timestamp": str(int(self._now())),
        }
        return {"Authorization": "OAuth " + ", ".join(f'{key}="{value}"' for key, value in parts.items())}


class ProcessGateway(MaasGateway):
    """The process's one client of the region in its settings."""

    def __init__(self, runtime: Runtime) -> None:
        super().__init__(runtime.settings.maas.url, runtime.settings.maas.api_key)


def _key_parts(api_key: str) -> tuple[str, str, str]:
    parts = api_key.strip().split(":")
    if len(parts) != 3 or not all(re.fullmatch(r"[A-Za-z0-9]+", part) for part in parts):
        raise ValueError("a MAAS API key has three parts of letters and digits, joined by colons")
    return parts[0], parts[1], parts[2]


def _checked(system_id: SystemId) -> str:
    """A system_id that cannot lead to another address."""
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.~-]{0,8191}", system_id):
        raise MaasNotFound
    return system_id


def _machine_path(system_id: SystemId) -> str:
    return f"machines/{_checked(system_id)}/"


def _label(method: str, query: Query) -> str:
    return dict(query).get("op") or {"GET": "read"}.get(method, method)


def _decode(response: httpx2.Response, shape: type[T]) -> T:
    try:
        return msgspec.json.decode(response.content, type=shape)
    except UNREADABLE as error:
        raise MaasUnreadable(f"The machine controller's answer could not be read: {error}") from error


def _like(kind: type[E], error: MaasError) -> E:
    """The same circumstances under another name."""
    other = kind()
    other.details, other.answer = error.details, error.answer
    return other
