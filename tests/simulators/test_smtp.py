"""The simulated mail server speaks SMTP as a client expects, and shows what came without letting it run."""

import asyncio
from pathlib import Path

import aiosmtplib
import pytest

from tests.simulators.smtp_world import MailWorld, mail_world


@pytest.fixture
async def world(tmp_path: Path):
    async with mail_world(tmp_path) as world:
        yield world


async def _send(world: MailWorld, raw: str, to: str = "ben@example.com") -> None:
    await aiosmtplib.send(
        raw.encode(), sender="a@b.example", recipients=[to], hostname=world.settings.host, port=world.settings.port
    )


async def test_a_mail_arrives_byte_for_byte_also_with_dots_at_the_start_of_lines(world: MailWorld) -> None:
    await _send(world, "Subject: dots\r\n\r\n.one\r\n..two\r\nend\r\n")
    [mail] = await world.mails()
    assert (mail["subject"], mail["text"], mail["to"]) == ("dots", ".one\n..two\nend\n", ["ben@example.com"])
    assert await world.mails("somebody@else.example") == []
    raw = (await world.reader.get(f"{world.url}/mail/{mail['id']}/raw")).content
    assert raw == b"Subject: dots\r\n\r\n.one\r\n..two\r\nend\r\n"


async def test_the_page_shows_hostile_mail_escaped_and_its_html_in_a_frame_that_runs_nothing(world: MailWorld) -> None:
    await _send(
        world, "Subject: <script>alert(1)</script>\r\nContent-Type: text/html\r\n\r\n<script>alert(2)</script>\r\n"
    )
    [mail] = await world.mails()
    page = (await world.reader.get(f"{world.url}/mail/{mail['id']}")).text
    assert "<script>" not in page
    assert '<iframe sandbox=""' in page
    framed = await world.reader.get(f"{world.url}/mail/{mail['id']}/html")
    assert framed.headers["content-security-policy"].startswith("sandbox;")
    assert (await world.reader.get(f"{world.url}/")).text.count("<script>") == 0


async def test_a_reader_can_wait_for_a_mail_to_an_address(world: MailWorld) -> None:
    params = {"to": "Ben@example.com", "wait": "20"}
    waiting = asyncio.create_task(world.reader.get(f"{world.url}/api/mails", params=params))
    await _send(world, "Subject: other\r\n\r\ny\r\n", to="ada@example.com")
    await _send(world, "Subject: mine\r\n\r\ny\r\n")
    found = (await asyncio.wait_for(waiting, 4)).json()
    assert [mail["subject"] for mail in found] == ["mine"]
    assert (await world.reader.get(f"{world.url}/api/mails", params={"to": "x@y.example", "wait": "0"})).json() == []


async def test_refusals_have_the_codes_that_clients_know(world: MailWorld) -> None:
    await world.fault("refuse_recipient", address="gone@example.com")
    with pytest.raises(aiosmtplib.SMTPRecipientsRefused):
        await _send(world, "Subject: x\r\n\r\ny\r\n", to="gone@example.com")
    await world.fault("busy")
    with pytest.raises(aiosmtplib.SMTPSenderRefused, match="451"):
        await _send(world, "Subject: x\r\n\r\ny\r\n")
    await _send(world, "Subject: x\r\n\r\ny\r\n")
    assert len(await world.mails()) == 1


async def test_commands_out_of_order_are_refused_and_the_line_stays_open(world: MailWorld) -> None:
    reader, writer = await asyncio.open_connection(world.settings.host, world.settings.port)
    said = []
    for line in (None, "DATA", "RCPT TO:<a@b.example>", "MAIL FROM:<>", "DATA", "BOGUS", "QUIT"):
        if line is not None:
            writer.write(f"{line}\r\n".encode())
        said.append((await asyncio.wait_for(reader.readline(), 5))[:3])
    writer.close()
    assert said == [b"220", b"503", b"503", b"250", b"503", b"502", b"221"]
