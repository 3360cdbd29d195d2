"""What a terminal shows after output that is no longer kept, so that a replay ends in the same screen as the live one.

The ring keeps the newest bytes; a full-screen program may have drawn all of its screen before them. The bytes that the
ring drops pass through a headless terminal (libghostty-vt), which is asked for its state when somebody looks: text,
colours, line drawing, cursor, modes, scroll region, both screens. It never answers what output asks it, keeps no images
and opens no files, and it is not there before the first byte is dropped.
"""

import re
from collections import deque

from pyghostty import Terminal
from pyghostty._ffi import check, ffi, lib
from pyghostty.core import init_sized, read_buf

RESET = b"\x1bc"
TO_PRIMARY, TO_ALTERNATE = b"\x1b[?1049l", b"\x1b[?1049h"
PARTIAL_SIGN = re.compile(rb"(?:[\xc2-\xdf]|[\xe0-\xef][\x80-\xbf]?|[\xf0-\xf4][\x80-\xbf]{0,2})\Z")
MAX_TAIL = 64 * 1024  # of a sequence that has not ended: what is longer is given up
MAX_MARKS = 256
_LIMITS = (
    ("KITTY_IMAGE_STORAGE_LIMIT", "uint64_t", 0),  # no images at all, so none from files either
    ("GLYPH_PROTOCOL", "bool", False),
    ("APC_MAX_BYTES", "size_t", 4096),
)


class Screen:
    """The state at `offset` of a stream of output; sizes are those that the window had when the bytes were written."""

    def __init__(self, cols: int, rows: int) -> None:
        self.offset = 0
        self._size = (cols, rows)
        self._marks: deque[tuple[int, int, int]] = deque()
        self._terminal: Terminal | None = None
        self._tail = b""  # of a sequence or a sign that has begun and not ended

    def resize_at(self, offset: int, cols: int, rows: int) -> None:
        """From `offset` on, which was not fed yet, the window has this size."""
        if self._marks and (self._marks[-1][0] == offset or len(self._marks) == MAX_MARKS):
            self._marks.pop()
        self._marks.append((offset, cols, rows))

    def feed(self, data: bytes) -> None:
        """The next bytes of the stream."""
        while self._marks and self._marks[0][0] <= self.offset + len(data):
            at, cols, rows = self._marks.popleft()
            part, data = data[: max(0, at - self.offset)], data[max(0, at - self.offset) :]
            self._write(part)
            self._size = (cols, rows)
            if self._terminal is not None:
                self._terminal.resize(cols, rows)
        self._write(data)

    def snapshot(self) -> bytes:
        """Output that resets a terminal and draws this state on it; what follows `offset` may follow at once. Empty
        while nothing was fed."""
        terminal = self._terminal
        if terminal is None:
            return b""
        shown = _drawn(terminal, modes=True)
        if terminal.get("active_screen", "GhosttyTerminalScreen"):
            terminal.feed(TO_PRIMARY)
            behind = _drawn(terminal, modes=False)
            terminal.feed(TO_ALTERNATE + shown)
            shown = behind + shown
        return RESET + shown + self._tail

    def _write(self, data: bytes) -> None:
        if not data:
            return
        self._terminal = self._terminal or _new(*self._size)
        self.offset += len(data)
        data = self._tail + data
        self._tail = _unfinished(data)
        self._terminal.feed(data[: len(data) - len(self._tail)])


def _unfinished(data: bytes) -> bytes:
    """The sequence or the sign at the end of `data` that is not whole, and broken signs right before it."""
    end, began = len(data), data.rfind(b"\x1b")
    if 0 <= began >= end - MAX_TAIL:
        with Terminal(2, 2, scrollback=0) as probe:
            probe.feed(data[began : began + 1])
            if probe.feed_until_ground(data[began + 1 :]) is None:
                end = began
    while len(data) - end < MAX_TAIL and (sign := PARTIAL_SIGN.search(data, max(0, end - 3), end)):
        end = sign.start()
    return data[end:]


def _new(cols: int, rows: int) -> Terminal:
    terminal = Terminal(cols, rows, scrollback=0)
    for name, kind, value in _LIMITS:
        option = getattr(lib, f"GHOSTTY_TERMINAL_OPT_{name}")
        check(lib.ghostty_terminal_set(terminal._t[0], option, ffi.new(f"{kind}*", value)), name)
    return terminal


def _drawn(terminal: Terminal, *, modes: bool) -> bytes:
    """The active screen as output. Colours of the palette stay those of whoever looks."""
    options = init_sized("GhosttyFormatterTerminalOptions")
    options.emit = lib.GHOSTTY_FORMATTER_FORMAT_VT
    extra = options.extra
    extra.modes = extra.scrolling_region = extra.tabstops = extra.keyboard = modes
    extra.screen.cursor = extra.screen.style = extra.screen.charsets = extra.screen.hyperlink = True
    cols, rows = terminal.size
    area = init_sized("GhosttySelection")  # without the lines above it: they would be drawn on it
    area.start, area.end = terminal.ref(0, 0)[0], terminal.ref(cols - 1, rows - 1)[0]
    options.selection = area
    formatter = ffi.new("GhosttyFormatter*")
    check(lib.ghostty_formatter_terminal_new(ffi.NULL, formatter, terminal._t[0], options[0]), "formatter")
    try:
        text: str = read_buf(lambda *position: lib.ghostty_formatter_format_buf(formatter[0], *position))
    finally:
        lib.ghostty_formatter_free(formatter[0])
    return text.encode()
