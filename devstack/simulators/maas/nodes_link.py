"""The wire between the region and the simulated nodes: what the nodes process must hold, repeated until it does.

For each machine the newest wish wins; an older one that is still being retried gives up. It refuses to know why.
"""

import asyncio
import logging
import ssl
from collections import defaultdict

import httpx2
import msgspec

log = logging.getLogger("devstack.maas.nodes")
Payload = dict[str, object]
_RETRY_S = (0.05, 0.1, 0.2, 0.5, 1.0)


class NodesLink:
    """Client of the nodes control port. With an empty `url` every wish is granted at once."""

    def __init__(self, url: str, transport: httpx2.AsyncBaseTransport | None = None) -> None:
        self._url = url
        no_certificates = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # loopback only; reading the system's takes 0.1 s
        self._client = httpx2.AsyncClient(
            base_url=url, timeout=5.0, transport=transport, trust_env=False, verify=no_certificates
        )
        self._wishes: dict[str, object] = {}
        self._undropped: set[str] = set()
        self._locks: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    async def close(self) -> None:
        """Close the connections."""
        await self._client.aclose()

    async def hold(self, system_id: str, payload: Payload) -> bool:
        """Make the nodes process hold this machine. Returns only when it does, or False when overtaken."""
        return await self._until_done(system_id, payload)

    async def drop(self, system_id: str) -> bool:
        """Make the nodes process forget this machine. Returns only when it has, or False when overtaken."""
        self._undropped.add(system_id)
        return await self._until_done(system_id, None)

    async def held(self) -> set[str]:
        """The system_ids the nodes process holds now; waits until it answers."""
        if not self._url:
            return set()
        attempt = 0
        while True:
            try:
                answer = await self._client.get("/machines")
                answer.raise_for_status()
                return _system_ids(answer.content)
            except httpx2.HTTPError as error:
                await self._pause("GET /machines", attempt, error)
                attempt += 1

    async def _until_done(self, system_id: str, payload: Payload | None) -> bool:
        if not self._url:
            return True
        wish = object()
        self._wishes[system_id] = wish
        async with self._locks[system_id]:
            attempt = 0
            while self._wishes.get(system_id) is wish:
                try:
                    await self._bring_about(system_id, payload)
                    return True
                except httpx2.HTTPError as error:
                    await self._pause(f"the change of {system_id}", attempt, error)
                attempt += 1
        return False

    async def _bring_about(self, system_id: str, payload: Payload | None) -> None:
        """A drop that never got through is done before the machine is held anew: the next tenant gets a clean one."""
        if system_id in self._undropped:
            answer = await self._client.delete(f"/machines/{system_id}")
            if answer.status_code != 404:
                answer.raise_for_status()
            self._undropped.discard(system_id)
        if payload is not None:
            (await self._client.put(f"/machines/{system_id}", json=payload)).raise_for_status()

    async def _pause(self, what: str, attempt: int, error: Exception) -> None:
        if attempt in (0, 20):
            log.warning("the nodes process did not take %s, trying again: %s", what, error)
        await asyncio.sleep(_RETRY_S[min(attempt, len(_RETRY_S) - 1)])


def _system_ids(body: bytes) -> set[str]:
    """Accepts `{"machines": [...]}`, a bare list of objects, or an object keyed by system_id."""
    value = msgspec.json.decode(body)
    rows = value.get("machines", value) if isinstance(value, dict) else value
    if isinstance(rows, dict):
        return {str(key) for key in rows}
    return {str(row["system_id"]) for row in rows if isinstance(row, dict) and "system_id" in row}
