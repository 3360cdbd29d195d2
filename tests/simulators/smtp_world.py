"""A running simulated mail server: its SMTP address for the product, its page for a reader."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2

from app.settings import MailSettings
from tests.simulators.harness import plain_client, running


@dataclass
class MailWorld:
    """`settings` is what the product gets; `mails()` is what arrived, newest first."""

    settings: MailSettings
    url: str
    reader: httpx2.AsyncClient

    async def mails(self, to: str = "") -> list[dict[str, Any]]:
        return list((await self.reader.get(f"{self.url}/api/mails", params={"to": to})).json())

    async def fault(self, name: str, **spec: object) -> None:
        assert (await self.reader.put(f"{self.url}/_faults/{name}", json=spec)).status_code == 200


@asynccontextmanager
async def mail_world(data_dir: Path) -> AsyncIterator[MailWorld]:
    section: dict[str, object] = {"port": 0, "smtp_port": 0}
    async with running("smtp", {"smtp": section}, data_dir) as port, plain_client(5) as reader:
        settings = MailSettings(
            host="127.0.0.1",
            port=int(str(section["smtp_port"])),
            implicit_tls=False,
            sender="Berth <no-reply@berth.example>",
        )
        yield MailWorld(settings, f"http://127.0.0.1:{port}", reader)
