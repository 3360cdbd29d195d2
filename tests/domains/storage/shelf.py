"""What a client of the store does: announce, send to the bucket, finish. Over the API and the bucket's own protocol."""

import base64
import hashlib
from uuid import UUID

import httpx


def digest(data: bytes) -> str:
    return base64.b64encode(hashlib.sha256(data).digest()).decode()


def counted(answer: httpx.Response, whole: int) -> list[dict]:
    """The items of an answer for several, whose status and counts agree with what became of each."""
    body = answer.json()
    refused = [item for item in body["items"] if item["refused"]]
    assert (body["accepted"], body["refused"]) == (len(body["items"]) - len(refused), len(refused))
    wanted = whole if not refused else 207 if body["accepted"] else 422
    assert answer.status_code == wanted, answer.text
    assert ("error" in body) is (wanted == 422)
    assert all((item["status"] >= 400) is (item["refused"] is not None) for item in body["items"])
    return body["items"]


class Shelf:
    def __init__(self, runtime, browser) -> None:
        self.runtime = runtime
        self.browser = browser
        self.s3 = httpx.AsyncClient(timeout=30)

    async def announce(self, *items: tuple[str, bytes], overwrite: bool = False, namespace: str = "files", key=None):
        body = {
            "namespace": namespace,
            "overwrite": overwrite,
            "items": [{"path": path, "size": len(data), "sha256": digest(data)} for path, data in items],
        }
        answer = await self.browser.post_json("/api/v1/storage/uploads", body, key)
        return counted(answer, 201)

    async def send(self, put: dict, data: bytes) -> httpx.Response:
        return await self.s3.put(put["url"], content=data, headers=put["headers"])

    async def send_part(self, upload: dict, number: int, data: bytes, sha256: str | None = None) -> httpx.Response:
        body = {"parts": [{"number": number, "sha256": sha256 or digest(data)}]}
        answer = await self.browser.post_json(f"/api/v1/storage/uploads/{upload['id']}/parts", body)
        assert answer.status_code == 200, answer.text
        return await self.send(answer.json()["items"][0]["put"], data)

    async def finish(self, *ids: str, overwrite: bool = False):
        answer = await self.browser.post_json("/api/v1/storage/uploads/finish", {"ids": ids, "overwrite": overwrite})
        return counted(answer, 200)

    async def put(self, path: str, data: bytes, overwrite: bool = False, namespace: str = "files") -> str:
        """A whole file of any size; its id."""
        [started] = await self.announce((path, data), overwrite=overwrite, namespace=namespace)
        assert started["refused"] is None, started
        upload = started["upload"]
        if upload["put"]:
            sent = await self.send(upload["put"], data)
            assert sent.status_code == 200, sent.text
        else:
            each = upload["part_size"]
            for number, start in enumerate(range(0, len(data), each), 1):
                sent = await self.send_part(upload, number, data[start : start + each])
                assert sent.status_code == 200, sent.text
        [done] = await self.finish(upload["id"])
        assert done["refused"] is None, done
        return done["id"]

    async def get(self, path: str, **params):
        return await self.browser.client.get(path, params=params)

    async def names(self, folder: str = "", namespace: str = "files") -> list[str]:
        answer = await self.get("/api/v1/storage/objects", folder=folder, namespace=namespace, limit=200)
        assert answer.status_code == 200, answer.text
        body = answer.json()
        return [f"{entry['name']}/" for entry in body["folders"]] + [entry["name"] for entry in body["items"]]

    async def usage(self) -> dict:
        return (await self.get("/api/v1/storage/usage")).json()

    async def read(self, object_id: str) -> httpx.Response:
        address = (await self.get(f"/api/v1/storage/objects/{object_id}/address")).json()
        return await self.s3.get(address["url"])

    async def call(self, method: str, path: str, body: object = None, **headers: str) -> httpx.Response:
        import secrets

        sent = {
            "sec-fetch-site": "same-origin",
            "x-csrftoken": self.browser.csrf,
            "x-idempotency-key": secrets.token_hex(8),
            **headers,
        }
        return await self.browser.client.request(method, path, json=body, headers=sent)

    def key(self, object_id: str) -> str:
        return f"{self.browser.actor.project_id}/{UUID(object_id)}"
