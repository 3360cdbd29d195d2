"""Backing services tell nothing to who comes without a password, whatever port they come to."""

import socket
import subprocess
import urllib.error
import urllib.request

import psycopg
import pytest

from devstack.services.nats import Nats
from devstack.services.postgres import throwaway_cluster
from devstack.services.s3 import PORT_OPTIONS, S3
from devstack.services.valkey import Valkey


def _answer(port: int, sent: bytes) -> bytes:
    with socket.create_connection(("127.0.0.1", port), timeout=2) as connection:
        connection.sendall(sent)
        connection.settimeout(2)
        heard = b""
        try:
            while part := connection.recv(4096):
                heard += part
        except TimeoutError:
            pass
    return heard


def _status(port: int, path: str, method: str = "GET") -> int:
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}{path}", method=method, data=b"x" if method != "GET" else None
    )
    try:
        with urllib.request.urlopen(request, timeout=5) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code
    except OSError:
        return 0


def test_the_object_store_gives_and_takes_files_by_signed_requests_only(s3: S3) -> None:
    at = dict(zip(PORT_OPTIONS, s3.ports, strict=True))
    for name, paths in {
        "s3.port": ("/berth", "/berth/x"),
        "filer.port": ("/buckets/", "/buckets/berth/", "/buckets/berth/x", "/etc/"),
        "master.port": ("/dir/assign", "/dir/status", "/vol/grow", "/submit"),
        "volume.port": ("/1,01637037d6", "/admin/assign_volume"),
        "admin.port": ("/", "/files", "/api/"),
    }.items():
        for path in paths:
            for method in ("GET", "PUT", "POST", "DELETE"):
                status = _status(at[name], path, method)
                assert status == 0 or status >= 400, (name, path, method, status)


def test_no_part_of_the_object_store_speaks_without_its_certificate(s3: S3) -> None:
    preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0"  # gRPC is HTTP/2 (RFC 9113, 3.4)
    for name, port in zip(PORT_OPTIONS, s3.ports, strict=True):
        if not name.endswith(".grpc"):
            continue
        assert b"\0\0\0\4\1\0\0\0\0" not in _answer(port, preface), f"{name} spoke without encryption"
        asked = ["openssl", "s_client", "-connect", f"127.0.0.1:{port}", "-alpn", "h2", "-quiet"]
        try:
            heard = subprocess.run(asked, input=preface, capture_output=True, timeout=3, check=False).stdout
        except subprocess.TimeoutExpired as error:
            heard = error.stdout or b""
        except FileNotFoundError:
            pytest.skip("openssl is not installed")
        assert heard == b"", f"{name} spoke to a stranger"


def test_the_others_ask_for_a_password(valkey: Valkey, nats: Nats) -> None:
    assert _answer(valkey.port, b"PING\r\nQUIT\r\n").startswith(b"-NOAUTH")
    assert b"Authorization Violation" in _answer(nats.port, b"CONNECT {}\r\nPING\r\n")
    with throwaway_cluster() as cluster:
        url = f"postgresql://postgres@127.0.0.1:{cluster.port}/postgres"
        with pytest.raises(psycopg.OperationalError, match="password"):
            psycopg.connect(url, connect_timeout=5, passfile="/nonexistent")
