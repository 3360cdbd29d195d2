"""A mail is recorded with the change that asks for it, leaves once, and is tried again as long as it makes sense."""

from email import message_from_string
from email.policy import default
from uuid import uuid4

import msgspec
import psycopg
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from app.domains.notification.gateway.smtp import Letter, compose
from app.domains.notification.rules.schedule import MAIL_PAUSES, next_try, parse_pauses
from app.domains.notification.service import mails, maintenance
from app.registry import DOMAINS
from app.shared.authz.actor import SYSTEM
from app.shared.errors import ValidationFailed
from app.shared.mail import is_address, send_mail
from tests.fixtures.clock import START
from tests.fixtures.drain import drain

VALUES = {
    "project": "",
    "inviter": "Ada Marsh",
    "organisation": "Acme",
    "role": "member",
    "link": "http://localhost:8000/invitations/s3cr3t",
    "expires": "12 March",
}
HOSTILE = "<img src=x onerror=alert(1)>\r\nBcc: victim@example.com"


async def _record(runtime, to="ben@example.com", **values):
    async with runtime.context(SYSTEM) as ctx:
        return await send_mail(ctx, to, "invitation", VALUES | values)


@pytest.mark.commits
async def test_a_recorded_mail_arrives_as_text_and_html_and_its_secrets_are_forgotten(runtime, post, database) -> None:
    mail_id = await _record(runtime)
    with psycopg.connect(database.superuser) as db:
        stored = db.execute("SELECT wrapped_values FROM shared.mails").fetchone()[0]
        assert b"s3cr3t" not in stored
        assert not db.execute("SELECT 1 FROM shared.outbox_events WHERE payload::text LIKE '%s3cr3t%'").fetchall()
    assert (await drain(runtime, DOMAINS)).jobs == ["notification.send_mail"]
    [mail] = await post.mails("ben@example.com")
    assert mail["subject"] == "Ada Marsh invites you to Acme on Berth"
    assert mail["message_id"] == f"<{mail_id}@localhost>"
    assert VALUES["link"] in mail["text"]
    assert VALUES["link"] in mail["html"]
    with psycopg.connect(database.superuser) as db:
        assert db.execute("SELECT state, wrapped_values FROM shared.mails").fetchone() == ("sent", None)


@pytest.mark.commits
async def test_a_change_that_is_rolled_back_mails_nobody(runtime, post) -> None:
    async def refused() -> None:
        async with runtime.context(SYSTEM) as ctx:
            await send_mail(ctx, "ben@example.com", "invitation", VALUES)
            raise ValidationFailed()

    with pytest.raises(ValidationFailed):
        await refused()
    assert (await drain(runtime, DOMAINS)).count == 0
    assert await post.mails() == []


@pytest.mark.commits
async def test_hostile_names_become_neither_headers_nor_markup(runtime, post) -> None:
    await _record(runtime, inviter=HOSTILE)
    await drain(runtime, DOMAINS)
    [mail] = await post.mails()
    raw = (await post.reader.get(f"{post.url}/mail/{mail['id']}/raw")).text
    assert message_from_string(raw, policy=default)["bcc"] is None
    assert "<img" not in mail["html"]
    assert "&lt;img" in mail["html"]
    assert "src=" not in mail["html"].replace("&lt;img src=x", "")


@pytest.mark.commits
async def test_a_busy_server_is_asked_again_later_and_a_twin_of_the_job_sends_nothing(runtime, post, clock) -> None:
    runtime.clock = clock
    mail_id = await _record(runtime)
    await post.fault("busy", count=2)
    assert await mails.send(runtime, mail_id) == "postponed"
    assert await mails.send(runtime, mail_id) == "nothing"
    clock.advance(MAIL_PAUSES[0])
    assert await mails.send(runtime, mail_id) == "postponed"
    clock.advance(MAIL_PAUSES[1] + 31)
    assert await maintenance.sweep(runtime) == 1
    assert len(await post.mails()) == 1
    assert await mails.send(runtime, mail_id) == "nothing"


@pytest.mark.commits
async def test_a_mail_that_is_refused_for_good_is_not_tried_again(runtime, post, database) -> None:
    mail_id = await _record(runtime)
    await post.fault("refuse_recipient", address="ben@example.com", count=None)
    assert await mails.send(runtime, mail_id) == "failed"
    assert await mails.send(runtime, mail_id) == "nothing"
    with psycopg.connect(database.superuser) as db:
        state, problem, values = db.execute("SELECT state, last_error, wrapped_values FROM shared.mails").fetchone()
    assert (state, values) == ("failed", None)
    assert "550" in problem


@pytest.mark.commits
async def test_a_cut_line_and_a_server_that_is_away_are_worth_another_try(runtime, post) -> None:
    first = await _record(runtime)
    await post.fault("cut")
    assert await mails.send(runtime, first) == "postponed"
    second = await _record(runtime)
    runtime.settings = msgspec.structs.replace(
        runtime.settings, mail=msgspec.structs.replace(runtime.settings.mail, port=1)
    )
    assert await mails.send(runtime, second) == "postponed"


@pytest.mark.commits
async def test_without_a_mail_server_a_mail_fails_and_says_why(runtime, database) -> None:
    mail_id = await _record(runtime)
    assert await mails.send(runtime, mail_id) == "failed"
    with psycopg.connect(database.superuser) as db:
        assert db.execute("SELECT last_error FROM shared.mails").fetchone() == (mails.NO_SERVER,)


@pytest.mark.parametrize(
    "address",
    ["", "ben", "a@b\r\nBcc: c@d", "Ben <a@b.example>", "a@b, c@d", "a b@c.example", "a@" + "b" * 300, "a@b@c"],
)
async def test_what_is_no_single_address_is_refused(runtime, address: str) -> None:
    async with runtime.context(SYSTEM) as ctx:
        with pytest.raises(ValidationFailed):
            await send_mail(ctx, address, "invitation", VALUES)


@given(st.text(max_size=200), st.text(max_size=200))
@example("=?utf-8?q?Your_account_is_closed?=", "")  # what looks like an encoded word is shown as it was written
@example("é =?utf-8?b?eA==?= =?utf-8?b?eA==?= " * 9, "")
@example("a\r\nBcc: c@d.example", "")
def test_no_subject_and_no_body_ever_makes_a_header(subject: str, body: str) -> None:
    encodable = subject.encode("utf-8", "ignore").decode(), body.encode("utf-8", "ignore").decode()
    letter = Letter(
        id=str(uuid4()), to="a@b.example", subject=encodable[0], text=encodable[1], html="", host="x.example"
    )
    message = compose(letter, "Berth <no-reply@berth.example>")
    parsed = message_from_string(message.as_string(), policy=default)
    assert parsed.keys() == [
        "From", "To", "Subject", "Date", "Message-ID", "Auto-Submitted", "MIME-Version", "Content-Type",
    ]  # fmt: skip
    assert parsed["Subject"] == " ".join(encodable[0].split())


@given(st.text(max_size=80))
def test_an_accepted_address_holds_nothing_but_one_mailbox(value: str) -> None:
    if is_address(value):
        assert value.count("@") == 1
        assert not set(value) & set(' \t\r\n<>,;"')


def test_pauses_end() -> None:
    tries = [next_try(START, attempts, MAIL_PAUSES) for attempts in range(1, len(MAIL_PAUSES) + 2)]
    assert tries[-1] is None
    assert all(later is not None for later in tries[:-1])
    assert sorted(tries[:-1]) == tries[:-1]
    assert parse_pauses("5,300") == (5, 300)
    for wrong in ("", "0", "-1", "a", "5,,6", "700000"):
        with pytest.raises(ValueError, match=r"."):
            parse_pauses(wrong)
