"""A certified OpenID provider (npm `oidc-provider`) as a process of its own, and a browser that signs in at it.

Its packages are installed once for each lock file, by npm, into the temporary folder of this computer.
"""

import hashlib
import json
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx2
import pytest
from joserfc.jwk import ECKey, OKPKey, RSAKey

HERE = Path(__file__).parent / "certified"
FILES = ("package.json", "package-lock.json", "provider.mjs")
INSTALL_SECONDS = 120


def installed() -> Path:
    """The folder with the provider's packages. Skips the test, saying why, where they cannot be had."""
    if not (shutil.which("node") and shutil.which("npm")):
        pytest.skip("the certified OpenID provider runs on node, installed by npm, and one of them is missing")
    lock = hashlib.sha256(b"".join((HERE / name).read_bytes() for name in FILES)).hexdigest()[:16]
    place = Path(tempfile.gettempdir()) / f"berth-certified-provider-{os.getuid()}-{lock}"
    if not (place / "provider.mjs").exists():
        _install(place)
    return place


def _install(place: Path) -> None:
    """Whole or not at all, however many processes begin at once."""
    with tempfile.TemporaryDirectory(dir=place.parent) as draft:
        for name in FILES:
            shutil.copy(HERE / name, draft)
        words = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--omit=dev"]
        done = subprocess.run(words, cwd=draft, capture_output=True, text=True, timeout=INSTALL_SECONDS, check=False)
        if done.returncode:
            pytest.skip(f"npm could not install the certified OpenID provider: {done.stderr[-300:]}")
        Path(draft).chmod(0o755)
        if not place.exists():
            shutil.copytree(draft, f"{draft}-whole", symlinks=True)
            try:
                Path(f"{draft}-whole").rename(place)
            except OSError:  # another process was first
                shutil.rmtree(f"{draft}-whole")


def signing_keys() -> dict[str, object]:
    """One of each family, private."""
    made = (
        RSAKey.generate_key(2048, {"use": "sig", "kid": "rsa"}),
        ECKey.generate_key("P-256", {"use": "sig", "kid": "ec"}),
        OKPKey.generate_key("Ed25519", {"use": "sig", "kid": "ed"}),
    )
    return {"keys": [key.as_dict(private=True) for key in made]}


@contextmanager
def running(clients: list[dict[str, object]], **more: object) -> Iterator[str]:
    """Its issuer, for as long as it runs."""
    wanted = {"clients": clients, "jwks": signing_keys(), "path": "", "conform": True, **more}
    words = ["node", "provider.mjs", json.dumps(wanted)]
    with subprocess.Popen(words, cwd=installed(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None and process.stderr is not None
        try:
            line = process.stdout.readline()
            assert line, process.stderr.read()
            yield json.loads(line)["issuer"]
        finally:
            process.kill()


class ProviderBrowser:
    """What a person's browser keeps at the provider, and which of its pages they were shown."""

    def __init__(self, client: httpx2.AsyncClient) -> None:
        self._client = client
        self.asked: list[str] = []

    async def sign_in(self, address: str, person: str) -> str:
        """Follow every redirect and answer what is asked, until the provider sends the browser back to us."""
        answer = await self._client.get(address)
        for _ in range(20):
            location = answer.headers.get("location")
            if location is None:
                prompt = re.search(r'name="prompt" value="(\w+)"', answer.text)
                assert prompt is not None, answer.text
                self.asked.append(prompt[1])
                form = {"prompt": prompt[1], **({"login": person, "password": "x"} if prompt[1] == "login" else {})}
                target = re.search(r'<form[^>]*action="([^"]+)"', answer.text)
                assert target is not None
                answer = await self._client.post(str(answer.url.join(target[1])), data=form)
            elif "/auth/callback" in location:
                return location
            else:
                answer = await self._client.get(str(answer.url.join(location)))
        raise AssertionError("the provider leads round in circles")

    async def sign_out(self, address: str) -> str:
        """Say yes to the provider's question; returns where it leads."""
        answer = await self._client.get(address)
        assert answer.status_code == 200, answer.text
        target, secret = (
            re.search(pattern, answer.text) for pattern in (r'action="([^"]+)"', r'name="xsrf" value="([^"]+)"')
        )
        assert target is not None and secret is not None, answer.text
        gone = await self._client.post(target[1], data={"xsrf": secret[1], "logout": "yes"})
        return str(gone.headers["location"])
