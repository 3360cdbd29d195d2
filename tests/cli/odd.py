"""A server that answers as no server should: each path below `/NAME` is another way to be odd."""

import socket
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager

HEAD = b"HTTP/1.1 %s\r\ncontent-type: %s\r\n"


def answer(status: str, body: bytes = b"", kind: str = "application/json", more: str = "", length: int = -1) -> bytes:
    size = len(body) if length < 0 else length
    head = f"HTTP/1.1 {status}\r\ncontent-type: {kind}\r\ncontent-length: {size}\r\nconnection: close\r\n{more}\r\n"
    return head.encode() + body


OAUTH = b'{"error": "invalid_grant", "error_description": "It is over."}'
HOSTILE = b'{"error": {"code": "x", "message": "\\u001b[2J\\r\\nowned", "details": {"fields": {"a": 1}}}}'
ANSWERS = {
    "redirect": answer("301 Moved", more="location: https://elsewhere.example/secret?token=t\r\n"),
    "nowhere": answer("302 Found", more="location: http://[\r\n"),
    "html": answer("200 OK", b"<html>hello</html>", "text/html"),
    "broken-html": answer("502 Bad", b"<html>", "text/html"),
    "nothing": answer("204 No Content"),
    "not-modified": answer("304 Not Modified"),
    "foreign": answer("200 OK", b'{"hello": [1, 2, {"world": null}]}'),
    "list": answer("200 OK", b'[1, "two", null]'),
    "items": answer("200 OK", b'{"items": {"a": 1}, "next_cursor": 5}'),
    "odd-items": answer("200 OK", b'{"items": [7, null, []], "next_cursor": null}'),
    "endless": answer("200 OK", b'{"items": [], "next_cursor": "again"}'),
    "null": answer("200 OK", b"null"),
    "number": answer("200 OK", b"1" * 5000),
    "deep": answer("200 OK", b"[" * 100_000),
    "half": answer("200 OK", b'{"items": [', length=4000),
    "half-json": answer("200 OK", b'{"items": ['),
    "latin": answer("200 OK", b'{"items": "\xe9\xff"}'),
    "unpackable": answer("200 OK", b"not gzip", more="content-encoding: gzip\r\n"),
    "no-http": b"220 smtp.example ESMTP\r\n",
    "silence": b"",
    "oauth": answer("400 Bad Request", OAUTH),
    "hostile": answer("403 Forbidden", HOSTILE, more="x-correlation-id: \x1b[2J\r\n"),
    "later": answer("429 Too Many", b"{}", more="retry-after: \xb2\r\n"),
    "gone": answer("410 Gone"),
    "teapot": answer("418 I am", b'{"error": 5}'),
}


class _Handler(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        if self.request.recv(1, socket.MSG_PEEK) == b"\x16":  # TLS
            self.wfile.write(answer("400 Bad Request"))
            return
        line = self.rfile.readline()
        while self.rfile.readline().strip():
            pass
        name = line.split(b"/")[1].decode() if line.count(b"/") > 1 else ""
        if name == "huge":
            self._huge()
        else:
            self.wfile.write(ANSWERS.get(name, answer("404 Not Found")))

    def _huge(self) -> None:
        piece = b" " * 1024 * 1024
        self.wfile.write(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n\r\n")
        while True:
            self.wfile.write(piece)


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    allow_reuse_address = True

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that hangs up is no news."""


@contextmanager
def odd_server() -> Iterator[str]:
    """Its address."""
    with _Server(("127.0.0.1", 0), _Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True, kwargs={"poll_interval": 0.05}).start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()


def closed_port() -> int:
    """Nothing listens there."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])
