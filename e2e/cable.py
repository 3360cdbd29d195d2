"""The network between browser and portal, as something that can be pulled out.

A browser that is told to be offline keeps the WebSockets it has. So Chromium is told to find the portal at the other
end of this cable (`--host-resolver-rules`, addresses in pages stay what they are), and the cable can be cut.
"""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

_CHUNK = 65536


class Cable:
    """Forwards TCP from a free port on this machine to the portal's."""

    def __init__(self, target: int) -> None:
        self._target = ("127.0.0.1", target)
        self._whole = True
        self._ends: set[socket.socket] = set()
        self._lock = threading.Lock()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    @contextmanager
    def cut(self) -> Iterator[None]:
        """Inside, every connection is broken and none is made."""
        with self._lock:
            self._whole = False
            broken = list(self._ends)
        for end in broken:
            _hang_up(end)
        try:
            yield
        finally:
            self._whole = True

    def close(self) -> None:
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            try:
                far = socket.create_connection(self._target, timeout=10)
            except OSError:
                near.close()
                continue
            far.settimeout(None)
            with self._lock:
                whole = self._whole
                if whole:
                    self._ends |= {near, far}
            if not whole:
                near.close()
                far.close()
                continue
            for source, sink in ((near, far), (far, near)):
                threading.Thread(target=self._pump, args=(source, sink), daemon=True).start()

    def _pump(self, source: socket.socket, sink: socket.socket) -> None:
        with suppress(OSError):
            while data := source.recv(_CHUNK):
                sink.sendall(data)
        _hang_up(sink)
        _hang_up(source)
        with self._lock:
            self._ends.discard(source)
        source.close()


def _hang_up(end: socket.socket) -> None:
    with suppress(OSError):
        end.shutdown(socket.SHUT_RDWR)
