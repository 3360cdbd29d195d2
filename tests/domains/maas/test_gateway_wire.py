"""What the client does with answers a simulator cannot be asked for: cut lines, odd shapes, other versions."""

import asyncio
from collections.abc import Callable

import httpx2
import pytest

from app.domains.maas.contracts import SystemId
from app.domains.maas.errors import MaasError, MaasOutcomeUnknown, MaasRefused, MaasUnavailable, MaasUnreadable
from app.domains.maas.gateway import MAX_IN_FLIGHT, TRIES, MaasGateway, Timeouts
from app.domains.maas.gateway.answers import refusal, safe_wait
from app.shared.db.unit_of_work import VendorCallInTransaction, _open_units

KEY = "consumer:token:topsecret"
NODE = SystemId("abc123")
Answer = Callable[[httpx2.Request], httpx2.Response]


async def no_wait(_: float) -> None:
    return None


def gateway(answer: Answer, **options: object) -> MaasGateway:
    options = {"sleep": no_wait} | options
    return MaasGateway("http://maas.test/MAAS", KEY, transport=httpx2.MockTransport(answer), **options)  # type: ignore[arg-type]


async def test_every_try_is_signed_with_a_nonce_of_its_own() -> None:
    nonces: set[str] = set()

    def answer(request: httpx2.Request) -> httpx2.Response:
        nonces.add(request.headers["authorization"].split('oauth_nonce="')[1].split('"')[0])
        return httpx2.Response(502, text="<html>")

    with pytest.raises(MaasUnavailable):
        await gateway(answer).list_machines()
    assert len(nonces) == TRIES


async def test_a_connection_that_never_opened_is_tried_again_even_for_changes() -> None:
    tries = 0

    def answer(request: httpx2.Request) -> httpx2.Response:
        nonlocal tries
        tries += 1
        raise httpx2.ConnectError("refused", request=request)

    with pytest.raises(MaasUnavailable) as caught:
        await gateway(answer).deploy(NODE, user_data="", distro_series="noble")
    assert tries == TRIES
    assert not isinstance(caught.value, MaasOutcomeUnknown)


async def test_a_change_cut_in_the_middle_is_not_repeated_and_stays_unknown_when_nobody_answers() -> None:
    methods: list[str] = []

    def answer(request: httpx2.Request) -> httpx2.Response:
        methods.append(request.method)
        raise httpx2.RemoteProtocolError("cut", request=request)

    with pytest.raises(MaasOutcomeUnknown):
        await gateway(answer).deploy(NODE, user_data="", distro_series="noble")
    assert methods == ["POST"] + ["GET"] * TRIES


async def test_a_503_that_names_a_time_is_repeated_and_one_that_does_not_is_read_back() -> None:
    machine = {"system_id": NODE, "hostname": "n", "status": 4}
    answers = [httpx2.Response(503, headers={"retry-after": "10"}), httpx2.Response(503, text="No rack controllers"),
               httpx2.Response(200, json=machine)]  # fmt: skip
    methods: list[str] = []

    def answer(request: httpx2.Request) -> httpx2.Response:
        methods.append(request.method)
        return answers.pop(0)

    with pytest.raises(MaasUnavailable) as caught:
        await gateway(answer).deploy(NODE, user_data="", distro_series="noble")
    assert methods == ["POST", "POST", "GET"]
    assert caught.value.answer == "No rack controllers"


async def test_nulls_missing_keys_and_unknown_ones_are_survived() -> None:
    odd = {"system_id": NODE, "hostname": "n", "status": 77, "pool": None, "zone": None, "owner": None,
           "ip_addresses": [None, "10.0.0.1"], "physicalblockdevice_set": [{"model": None}], "memory": None,
           "raids": [{"__incomplete__": True}], "brand_new": {"a": 1}, "tag_names": None}  # fmt: skip
    machine = await gateway(lambda _: httpx2.Response(200, json=odd)).get_machine(NODE)
    assert (int(machine.status), machine.status.name, machine.pool, machine.memory_mib) == (77, "UNKNOWN_77", "", 0)
    assert machine.ip_addresses == ("10.0.0.1",)


async def test_an_answer_that_is_no_machine_is_an_error_of_ours() -> None:
    with pytest.raises(MaasError, match="could not be read"):
        await gateway(lambda _: httpx2.Response(200, text="<html>login</html>")).get_machine(NODE)


async def test_a_wrong_base_url_is_not_a_missing_machine() -> None:
    body = "Unknown API endpoint: /MAAS/MAAS/api/2.0/machines/abc123/."
    with pytest.raises(MaasRefused):
        await gateway(lambda _: httpx2.Response(404, text=body)).get_machine(NODE)


async def test_at_most_four_requests_are_in_flight() -> None:
    running, most, release = 0, 0, asyncio.Event()

    class Slow(httpx2.AsyncBaseTransport):
        async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
            nonlocal running, most
            running += 1
            most = max(most, running)
            if running == MAX_IN_FLIGHT:
                release.set()
            await release.wait()
            await asyncio.sleep(0)
            running -= 1
            return httpx2.Response(200, json=[])

    client = MaasGateway("http://maas.test/MAAS", KEY, transport=Slow())
    await asyncio.gather(*(client.list_machines() for _ in range(12)))
    assert most == MAX_IN_FLIGHT


async def test_whoever_pauses_before_a_repeat_holds_up_nobody() -> None:
    paused, resume = asyncio.Semaphore(0), asyncio.Event()

    async def pause(_seconds: float) -> None:
        paused.release()
        await resume.wait()

    busy = MAX_IN_FLIGHT

    def answer(_request: httpx2.Request) -> httpx2.Response:
        nonlocal busy
        busy -= 1
        return httpx2.Response(503, headers={"retry-after": "9"}) if busy >= 0 else httpx2.Response(200, json=[])

    client = gateway(answer)
    client._sleep = pause
    waiting = [asyncio.create_task(client.list_machines()) for _ in range(MAX_IN_FLIGHT)]
    for _ in waiting:
        await paused.acquire()
    assert (await asyncio.wait_for(client.list_machines(), 2)) is not None
    resume.set()
    await asyncio.gather(*waiting)


async def test_everything_ends_in_its_overall_time() -> None:
    class Never(httpx2.AsyncBaseTransport):
        async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
            await asyncio.Event().wait()
            raise AssertionError

    short = Timeouts(overall_read=0.05, overall_write=0.05)
    client = MaasGateway("http://maas.test/MAAS", KEY, transport=Never(), timeouts=short)
    with pytest.raises(MaasUnavailable):
        await client.list_machines()
    with pytest.raises(MaasOutcomeUnknown):
        await client.deploy(NODE, user_data="", distro_series="noble")


async def test_no_call_is_made_inside_a_transaction() -> None:
    def answer(request: httpx2.Request) -> httpx2.Response:
        raise AssertionError("the wire was touched")

    token = _open_units.set(1)
    try:
        with pytest.raises(VendorCallInTransaction):
            await gateway(answer).whoami()
    finally:
        _open_units.reset(token)


@pytest.mark.parametrize("key", ["", "a:b", "a:b:c:d", "a:b:", 'a:b:c"', "a:b:c\n:d"])
def test_a_key_of_another_shape_is_refused_without_being_shown(key: str) -> None:
    with pytest.raises(ValueError, match="three parts") as caught:
        MaasGateway("http://maas.test/MAAS", key)
    assert key == "" or key not in str(caught.value)


def test_the_conflict_page_of_old_versions_has_no_header_and_is_known_by_its_type() -> None:
    assert safe_wait(409, {"content-type": "text/html"}, is_read=False) == 5
    assert safe_wait(409, {"content-type": "text/plain"}, is_read=False) is None
    assert safe_wait(503, {"retry-after": "9999"}, is_read=False) == 30
    assert safe_wait(500, {}, is_read=False) is None
    assert safe_wait(500, {}, is_read=True) == 0


def test_a_401_leaves_nothing_of_its_body() -> None:
    error = refusal(401, {}, "Expected signature base string: &topsecret", "read", is_read=True)
    assert "topsecret" not in f"{error!r}{error}{error.details}{error.answer}{error.message}"


def test_nothing_shows_the_key() -> None:
    assert "topsecret" not in repr(MaasGateway("http://maas.test/MAAS", KEY))


MACHINE = {"system_id": "abc123", "hostname": "node-1", "status": 4, "owner": None, "pool": {"name": "berth"}}
ODD = [
    {"system_id": None},
    {"status": None},
    {"status": "somewhere"},
    {"owner": {"name": "eve"}},
    {"pool": "berth"},
    {"pool": {"name": None}},
    {"locked": "perhaps"},
]
HARMLESS = [
    {"hostname": None},
    {"memory": "64 GB"},
    {"ip_addresses": [None, "10.0.0.1"]},
    {"physicalblockdevice_set": [None]},
    {"physicalblockdevice_set": [{"size": "big", "model": None}]},
    {"workload_annotations": {"a": None}},
    {"tag_names": None},
    {"status": "4"},
    {"cpu_count": 4.5},
    {"a_new_key": {"deep": [1]}},
]


def answers_with(*records: object) -> Answer:
    return lambda request: httpx2.Response(200, json=list(records))


@pytest.mark.parametrize("odd", ODD, ids=str)
async def test_one_machine_that_cannot_be_read_is_passed_over_and_named(odd) -> None:
    maas = gateway(answers_with(MACHINE, {**MACHINE, "system_id": "odd456", **odd}))
    assert [machine.system_id for machine in await maas.list_machines(pool="berth")] == ["abc123"]
    (unread,) = maas.unread["machines/"]
    assert unread.about in {"odd456", "node-1"} and unread.problem
    with pytest.raises(MaasUnreadable):  # absent would mean that it is not ours
        await maas.list_machines(ids=[NODE])


@pytest.mark.parametrize("odd", HARMLESS, ids=str)
async def test_what_nothing_is_decided_on_may_be_odd(odd) -> None:
    (machine,) = await gateway(answers_with({**MACHINE, **odd})).list_machines(pool="berth")
    assert (machine.system_id, machine.status, machine.pool) == ("abc123", 4, "berth")


async def test_an_event_without_a_node_spoils_no_history() -> None:
    good = {"id": 7, "node": "abc123", "type": "Deployed", "created": "Mon, 23 Nov. 2026 08:28:59"}
    records = [good, {"id": 8}, {"id": 9, "node": None}, {**good, "id": 10, "created": None, "level": None}]
    maas = gateway(lambda request: httpx2.Response(200, json={"count": 4, "events": records}))
    assert [event.id for event in await maas.events()] == [7, 10]
    assert len(maas.unread["events/"]) == 2


async def test_a_gpu_that_cannot_be_read_is_not_simply_missing() -> None:
    gpu = {"hardware_type": 5, "vendor_id": "10de", "product_id": "2330", "pci_address": "0000:01:00.0"}
    assert len(await gateway(answers_with(gpu, {"hardware_type": 4, "vendor_id": 7})).gpu_devices(NODE)) == 1
    with pytest.raises(MaasUnreadable):
        await gateway(answers_with(gpu, {**gpu, "hardware_type": None})).gpu_devices(NODE)


async def test_a_change_whose_answer_cannot_be_read_is_looked_at(caplog) -> None:
    def answer(request: httpx2.Request) -> httpx2.Response:
        if request.method == "POST":
            return httpx2.Response(200, text="null")
        return httpx2.Response(200, json={**MACHINE, "status": 9})

    machine = await gateway(answer).deploy(NODE, user_data="", distro_series="noble")
    assert machine.status == 9
