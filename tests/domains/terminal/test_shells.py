"""A shell from end to end: real server, real SSH, a simulated machine with a real shell."""

import asyncio
import ctypes
import os
import random
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from uuid import UUID

import asyncssh
import pytest
from sqlalchemy import text

from app.domains.terminal.service.host import END_CHANNEL, TerminalHost
from app.shared.authz.actor import SYSTEM
from app.shared.context import Runtime
from devstack.simulators.nodes.testing import Bench
from tests.domains.terminal.world import Machine, Visitor, stock_machine

pytestmark = pytest.mark.commits
Visit = Callable[..., Awaitable[Visitor]]


async def rows(runtime: Runtime) -> list[tuple[UUID, str | None]]:
    async with runtime.context(SYSTEM) as ctx:
        found = await ctx.session.execute(
            text("SELECT id, end_code FROM terminal.terminal_sessions ORDER BY opened_at")
        )
        return [(row.id, row.end_code) for row in found]


async def until(condition: Callable[[], Awaitable[bool]], seconds: float = 8) -> None:
    async with asyncio.timeout(seconds):
        while not await condition():  # noqa: ASYNC110 - what is waited for is in another process
            await asyncio.sleep(0.02)


async def test_a_shell_runs_commands_as_its_login_with_the_size_of_the_window(ada: Visitor, machine: Machine) -> None:
    tab = await ada.tab(machine.id, size=(101, 31))
    assert (await tab.run("whoami")).strip() == "ada"
    assert (await tab.run("stty size; echo $TERM")).split() == ["31", "101", "xterm-256color"]
    await tab.say(type="resize", cols=70, rows=20)
    assert (await tab.run("stty size")).strip() == "20 70"


async def test_a_reload_finds_the_same_shell_with_its_scrollback(ada: Visitor, machine: Machine) -> None:
    tab = await ada.tab(machine.id)
    await tab.run("MARK=still-here; echo before the cut")
    tab.cut()
    again = await ada.tab(machine.id, tab.terminal_id)
    assert again.first == 0
    await again.until("before the cut")
    assert (await again.run("echo $MARK")).strip() == "still-here"


async def test_what_was_written_while_nobody_looked_is_there_and_nothing_twice(ada: Visitor, machine: Machine) -> None:
    tab = await ada.tab(machine.id)
    await tab.run("stty -echo; true")
    await tab.type("sleep 0.3; seq -f 'line %.0f' 1 5000; echo d''one\n")
    tab.cut()
    assert tab.terminal_id is not None
    again = await ada.tab(machine.id, tab.terminal_id, held=tab.offset)
    await again.until("done")
    numbers = [int(word) for word in again.seen.decode().replace("line ", "").split() if word.isdigit()]
    assert numbers == list(range(1, 5001))


async def test_fifty_cuts_in_the_middle_of_output_lose_and_double_no_byte(ada: Visitor, machine: Machine) -> None:
    """The machine hashes what it writes; what the tabs saw, joined, has the same hash."""
    chance = random.Random(20260302)
    tab = await ada.tab(machine.id)
    producer = "import random;r=random.Random(7);[print('%05d '%i+'%x'%r.getrandbits(400)) for i in range(9000)]"
    await tab.run("stty -echo -onlcr; PS1=; true")
    start = tab.offset
    seen = bytearray()
    await tab.type(f'python3 -c "{producer}" > out; (while read -r l; do echo "$l"; done < out); echo f""inished\n')
    for _ in range(50):
        for _ in range(chance.randrange(1, 6)):
            if b"finished" not in seen + tab.seen:
                await tab.step()
        tab.cut()
        seen += tab.seen[max(0, start - tab.first) :] if not seen else tab.seen
        held = tab.offset
        tab = await ada.tab(machine.id, tab.terminal_id, held=held)
        assert (tab.gap, tab.first) == (0, held)
    if b"finished" not in seen:
        await tab.until("finished", 30)
    seen += tab.seen
    random_source = random.Random(7)
    wanted = "".join(f"{i:05d} {random_source.getrandbits(400):x}\n" for i in range(9000))
    assert bytes(seen).partition(b"finished")[0].endswith(wanted.encode())
    assert bytes(seen).count(b"\n") - wanted.count("\n") <= 2


async def test_who_was_away_too_long_is_told_what_is_missing(ada: Visitor, machine: Machine) -> None:
    """Another tab looked meanwhile, so the shell ran on."""
    tab = await ada.tab(machine.id)
    await tab.run("true")
    held, shell = tab.offset, tab.terminal_id
    assert shell is not None
    other = await ada.tab(machine.id, shell)
    tab.cut()
    await other.type("head -c 3000000 /dev/zero | tr '\\0' x; echo; echo a''ll\n")
    await other.until("all", 20)
    again = await ada.tab(machine.id, shell, held=held)
    await again.until("all", 20)
    found = machine.runtime.part(TerminalHost).find(shell)
    assert found is not None and again.gap == found.ring.start - held > 1_000_000
    assert bytes(again.seen).startswith(b"\x1bc")  # the screen is drawn anew, in place of the last of what is gone


async def test_a_flood_that_nobody_looks_at_is_held_back_and_none_of_it_is_lost(ada: Visitor, machine: Machine) -> None:
    tab = await ada.tab(machine.id)
    await tab.run("stty -echo; true")
    shell, host = tab.terminal_id, machine.runtime.part(TerminalHost)
    assert shell is not None
    await tab.type("seq -f 'line %.0f' 1 400000; echo d''one\n")
    tab.cut()

    async def held_back() -> bool:
        found = host.find(shell)
        return found is not None and found.is_held

    await until(held_back)
    found = host.find(shell)
    assert found is not None
    written = found.ring.end
    again = await ada.tab(machine.id, shell, held=tab.offset)
    await again.until("done", 30)
    assert again.gap == 0 and written < 1_000_000
    numbers = [int(word) for word in bytes(again.seen).replace(b"line ", b"").split() if word.isdigit()]
    assert numbers == list(range(1, 400_001))


async def test_two_tabs_share_one_shell_and_both_may_type(ada: Visitor, machine: Machine) -> None:
    one = await ada.tab(machine.id, size=(80, 24))
    two = await ada.tab(machine.id, one.terminal_id, size=(60, 20))
    await one.type("echo from''one\n")
    await two.until("fromone")
    await two.type("echo from''two; stty size\n")
    await one.until("fromtwo")
    await one.until("20 60")


async def test_a_hundred_megabytes_to_a_slow_reader_keep_the_process_small(ada: Visitor, machine: Machine) -> None:
    tab = await ada.tab(machine.id)
    await tab.run("head -c 100000000 /dev/urandom | base64 -w 120 | head -c 100000000 > big; true", 60)
    await tab.run("cat big | head -c 3000000; true", 60)
    tab.seen.clear()
    before = resident()
    await tab.type("cat big; echo the e''nd\n")
    most, total, looked = before, 0, 0
    for turn in range(60):
        await tab.step()
        total += len(tab.seen)
        tab.seen.clear()
        if turn % 10 == 0:
            await asyncio.sleep(0.1)  # pace of a slow reader
            most = max(most, resident())
    assert most - before <= 8_000_000
    async with asyncio.timeout(120):
        while b"the end" not in tab.seen[-200:]:
            total += max(0, len(tab.seen) - 300)
            del tab.seen[:-300]
            await tab.step()
            if total - looked > 5_000_000:
                most, looked = max(most, resident()), total
    assert total + len(tab.seen) >= 100_000_000
    assert max(most, resident()) - before <= 8_000_000


async def test_control_c_works_at_once_in_the_middle_of_a_flood(ada: Visitor, machine: Machine) -> None:
    tab = await ada.tab(machine.id)
    await tab.run("stty -echo; true")
    await tab.type("yes 0123456789012345678901234567890123456789; echo st''opped\n")
    while len(tab.seen) < 2_000_000:
        await tab.step()
    await tab.type("\x03")
    began = time.monotonic()
    await tab.until("$ ", 5) if b"$ " not in tab.seen[-100:] else None
    assert time.monotonic() - began < 0.5


async def test_a_reader_that_stopped_does_not_hold_back_control_c(
    ada: Visitor, machine: Machine, tmp_path: Path
) -> None:
    """Nothing is read at all; the key still reaches the machine, as a second tab's command shows."""
    tab = await ada.tab(machine.id)
    await tab.type("yes\n")
    while len(tab.seen) < 500_000:
        await tab.step()
    tab.acks = False
    await tab.type("\x03")
    other = await ada.tab(machine.id)
    began = time.monotonic()
    async with asyncio.timeout(5):
        while (await other.run("pgrep -x yes >/dev/null && echo on || echo off")).strip() != "off":
            pass
    assert time.monotonic() - began < 1.5


async def test_a_window_that_nobody_sees_does_not_hold_the_machine_back(ada: Visitor, machine: Machine) -> None:
    tab = await ada.tab(machine.id)
    await tab.run("true")
    tab.acks = False
    await tab.say(type="pause")
    await tab.type("head -c 3000000 /dev/zero | tr '\\0' x; echo a''ll\n")
    host = machine.runtime.part(TerminalHost)

    async def written() -> bool:
        found = host.find(tab.terminal_id) if tab.terminal_id else None
        return found is not None and found.ring.end > 3_000_000

    await until(written, 20)
    tab.acks = True
    await tab.say(type="resume", offset=tab.offset)
    await tab.until("all")
    assert tab.gap > 1_000_000


async def test_a_large_paste_arrives_whole(ada: Visitor, machine: Machine) -> None:
    tab = await ada.tab(machine.id)
    await tab.run("stty -echo -icanon; true")
    line = "x" * 63 + "\n"
    reading = asyncio.create_task(tab.until("524288 -", 30))
    await tab.type("head -c 524288 | wc -c | sed 's/$/ -/'\n")
    for _ in range(64):
        await tab.type(line * 128)
        await asyncio.sleep(0.005)  # pace of a paste
    await reading
    assert any(frame["type"] == "accepted" for frame in tab.controls)


async def test_signing_out_ends_the_shell_within_five_seconds_in_words(ada: Visitor, machine: Machine) -> None:
    tab = await ada.tab(machine.id)
    await tab.run("sleep 300 & true")
    began = time.monotonic()
    await ada.sign_out()
    words = await tab.until_ended()
    assert time.monotonic() - began < 5
    assert (words["reason"], words["next"]) == ("You signed out.", "sign_in")
    assert await tab.until_closed() == 1000
    await until(lambda: ended_as(machine.runtime, "signed_out"))


async def ended_as(runtime: Runtime, code: str) -> bool:
    return [end for _, end in await rows(runtime)] == [code]


async def test_giving_the_machine_back_ends_the_shell_within_five_seconds_in_words(
    ada: Visitor, machine: Machine
) -> None:
    tab = await ada.tab(machine.id)
    began = time.monotonic()
    await machine.set_state("releasing")
    words = await tab.until_ended()
    assert time.monotonic() - began < 5
    assert (words["reason"], words["next"]) == ("This machine is being released.", "machines")
    assert (await ada.ask_token(machine.id, tab.terminal_id)).json()["error"]["code"] == "allocation_not_active"


async def test_a_session_ended_from_another_browser_takes_its_sockets_and_leaves_the_shell_to_the_other(
    visitors: Visit, machine: Machine, ada: Visitor, runtime: Runtime
) -> None:
    elsewhere = await visitors("ada")
    one = await ada.tab(machine.id)
    two = await elsewhere.tab(machine.id, one.terminal_id)
    form = {"_csrf_token": elsewhere.csrf, "_idempotency_key": "revoke"}
    path = f"/settings/sessions/{ada.actor.session_id}/revoke"
    await elsewhere.client.post(path, data=form, headers={"sec-fetch-site": "same-origin"})
    words = await one.until_ended()
    assert words["reason"] == "This session was ended from another browser."
    assert (await two.run("echo alive")).strip() == "alive"


async def test_a_notice_on_the_channel_ends_it_at_once(ada: Visitor, machine: Machine, runtime: Runtime) -> None:
    tab = await ada.tab(machine.id)
    began = time.monotonic()
    notice = f'{{"code":"exhausted","allocation_id":"{machine.id}"}}'.encode()

    async def heard() -> bool:
        return int(await runtime.valkey.publish(END_CHANNEL, notice)) > 0

    await until(heard)
    words = await tab.until_ended()
    assert time.monotonic() - began < 1.5
    assert words["code"] == "exhausted"


async def test_the_shell_that_exits_says_so_and_cannot_be_shown_again(ada: Visitor, machine: Machine) -> None:
    tab = await ada.tab(machine.id)
    await tab.type("exit\n")
    words = await tab.until_ended()
    assert (words["reason"], words["next"]) == ("The shell exited.", "reopen")
    await until(lambda: ended_as(machine.runtime, "exited"))
    refused = (await ada.ask_token(machine.id, tab.terminal_id)).json()["error"]
    assert (refused["code"], refused["message"]) == ("terminal_ended", "The shell exited.")


async def test_a_machine_that_vanishes_closes_the_shell_in_words(ada: Visitor, machine: Machine) -> None:
    tab = await ada.tab(machine.id)
    machine.remove()
    words = await tab.until_ended()
    assert words["reason"] == "The machine closed the connection."


async def test_a_machine_that_does_not_answer_is_told_in_words(ada: Visitor, machine: Machine) -> None:
    machine.remove()
    tab = await ada.tab(machine.id)
    assert tab.ended is not None
    assert tab.ended["code"] == "unreachable"
    await until(lambda: ended_as(machine.runtime, "unreachable"))


async def test_one_person_has_a_limit_of_shells(ada: Visitor, machine: Machine) -> None:
    tabs = [await ada.tab(machine.id) for _ in range(10)]
    refused = await ada.tab(machine.id)
    assert refused.ended is not None
    assert refused.ended["code"] == "terminal_too_many"
    await tabs[0].say(type="close")
    assert (await tabs[0].until_ended())["code"] == "closed"
    fresh = await ada.tab(machine.id)
    assert fresh.ended is None


async def test_after_the_end_of_a_terminal_host_the_page_says_what_became_of_the_shell(
    ada: Visitor, machine: Machine, runtime: Runtime
) -> None:
    tab = await ada.tab(machine.id)
    async with runtime.context(SYSTEM) as ctx:
        await ctx.session.execute(text("UPDATE terminal.terminal_sessions SET host = '127.0.0.1:1/abcd'"))
    page = await ada.client.get(f"/machines/{machine.id}/terminal")
    assert page.status_code == 200
    assert "The portal was restarted, which ended your earlier shell." in page.text
    assert await rows(runtime) == [(tab.terminal_id, "portal_restarted")]


def resident() -> int:
    """Bytes of memory of this process, without what the allocator keeps for later: how much that is depends on what
    ran before and not on the terminal."""
    if trim := getattr(ctypes.CDLL(None), "malloc_trim", None):  # of glibc
        trim(0)
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


async def test_a_machine_that_cannot_prove_its_name_gets_nothing(ada: Visitor, runtime: Runtime, bench: Bench) -> None:
    real, bench.host_ca = bench.host_ca, asyncssh.generate_private_key("ssh-ed25519")
    try:
        machine = await stock_machine(runtime, bench, ada)
    finally:
        bench.host_ca = real
    tab = await ada.tab(machine.id)
    machine.remove()
    assert tab.ended is not None
    assert tab.ended["code"] == "untrusted"
