"""A replay ends in the same screen as the live one: text, colours, line drawing, cursor, modes, both screens."""

import fcntl
import os
import pty
import re
import select
import shutil
import struct
import subprocess
import termios
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyghostty import Terminal

from app.domains.terminal.rules.ring import BLOCK, Ring
from app.domains.terminal.rules.screen import Screen, _drawn

COLS, ROWS = 80, 24


TRAILING = re.compile(rb" +\r\n")  # a cell that was never written and one with a blank look alike


def live(output: bytes) -> bytes:
    """The state of a terminal that saw everything."""
    return state_of(output)


def state_of(output: bytes) -> bytes:
    with Terminal(COLS, ROWS, scrollback=0) as terminal:
        terminal.feed(output)
        before = _drawn(terminal, modes=True)
        terminal.feed(b"\x18\x1b[?1049l")  # what is behind a full-screen program counts too
        return TRAILING.sub(b"\r\n", before + _drawn(terminal, modes=False))


def replayed(output: bytes, piece: int = 7_001) -> bytes:
    """The state of one that came late: it is sent what the ring has, after what was drawn before."""
    screen = Screen(COLS, ROWS)
    ring = Ring(BLOCK, screen.feed)
    for at in range(0, len(output), piece):
        ring.append(output[at : at + piece])
    assert screen.offset == ring.start
    sent, offset = screen.snapshot(), ring.start
    while offset < ring.end:
        part = ring.read(offset, BLOCK)
        sent += part
        offset += len(part)
    return state_of(sent)


PAINTED = b"".join(b"\x1b[%d;%dH\x1b[3%dm%d" % (i % ROWS + 1, i * 7 % COLS + 1, i % 8, i) for i in range(40_000))


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (b"", b""),
        (b"\x1b[?1049h\x1b[?1h\x1b=\x1b[?2004h\x1b[?1002h\x1b[?1006h\x1b[?25l", b""),
        (b"what was there before\r\n$ vi\x1b[?1049h\x1b[2J", b""),
        (b"$ vi\x1b[?1049h\x1b[2J", b"\x1b[?1049l\r\n$ "),
        (b"\x1b[5;20r\x1b[?6h", b"\x1b[?6l\x1b[5;1Hinside"),
        (b"\x1b(0lqqqk\r\nx   x\r\nmqqqj", b"lqk"),
        (b"\x1b)0\x0elqk", b"\x0fplain"),
        ("┌─┐│é漢字👩‍🚀".encode(), "└─┘".encode()),
        (b"\x1b[4h\x1b[?7l", b"\x1b[4l\x1b[?7h"),
        (b"\x1b[3g\x1b[13G\x1bH", b"\r\tx"),
        (b"\x1b[1;3;4;7;38;2;10;20;30;48;5;99m", b"styled"),
    ],
)
def test_a_full_screen_without_line_feeds_is_the_same_for_who_comes_late(before: bytes, after: bytes) -> None:
    output = before + PAINTED + after
    assert len(output) > 8 * BLOCK and b"\n" not in PAINTED
    assert replayed(output) == live(output)


WORDS = [
    b"a", b"hello world ", "é漢🚀│".encode(), b"\r\n", b"\r", b"\n", b"\t", b"\b", b"\x0e", b"\x0f", b"\x1b7", b"\x1b8",
    b"\x1bM", b"\x1bD", b"\x1bE", b"\x1b(0", b"\x1b(B", b"\x1b)0", b"\x1b[2J", b"\x1b[K", b"\x1b[1K", b"\x1b[J",
    b"\x1b[H", b"\x1b[3;9H", b"\x1b[20;70H", b"\x1b[2A", b"\x1b[3B", b"\x1b[10C", b"\x1b[4D", b"\x1b[2L", b"\x1b[2M",
    b"\x1b[3P", b"\x1b[3@", b"\x1b[5X", b"\x1b[2S", b"\x1b[2T", b"\x1b[5;15r", b"\x1b[r", b"\x1b[1;31m", b"\x1b[0m",
    b"\x1b[48;5;20m", b"\x1b[38;2;1;2;3m", b"\x1b[?1049h", b"\x1b[?1049l", b"\x1b[?25l", b"\x1b[?25h", b"\x1b[?2004h",
    b"\x1b[?1h", b"\x1b[?1l", b"\x1b[?1000h", b"\x1b[?1000l", b"\x1b]0;a title\x07",
    b"\x1b]8;;https://berth.example\x1b\\", b"\x1b]8;;\x1b\\", b"\x1bP1$r0m\x1b\\", b"\x1b[c", b"\x1b[6n", b"\x1b[",
    b"\x1b]0;never ends", b"\xe2\x94", b"\xff", b"x" * 90,
]  # fmt: skip


@given(st.lists(st.sampled_from(WORDS), min_size=1, max_size=60), st.integers(1, 9_000))
def test_whatever_a_program_writes_the_state_is_drawn_without_an_answer_or_an_error(
    words: list[bytes], piece: int
) -> None:
    """Cut anywhere, in the middle of a sequence or a sign: what is drawn and what follows make the same text."""
    output = b"".join(words) * (2 * BLOCK // len(b"".join(words)) + 1)
    screen = Screen(COLS, ROWS)
    cut = len(output) * piece // 9_000
    screen.feed(output[:cut])
    with Terminal(COLS, ROWS, scrollback=0) as one, Terminal(COLS, ROWS, scrollback=0) as other:
        one.feed(output[:cut])
        other.feed(screen.snapshot())
        assert one.text() == other.text()
        assert one.mode(1049) == other.mode(1049)


def test_the_size_that_the_window_had_counts_when_the_bytes_come_by() -> None:
    screen = Screen(COLS, ROWS)
    screen.resize_at(100, 40, 10)
    screen.feed(b"x" * 100)
    screen.feed(b"\x1b[2J\x1b[10;1Hbottom\x1b[40Gr")
    with Terminal(40, 10, scrollback=0) as terminal:
        terminal.feed(screen.snapshot())
        assert terminal.text().rstrip().splitlines()[-1] == "bottom" + " " * 33 + "r"


def test_nothing_is_kept_before_the_first_byte_is_dropped_and_no_file_is_opened(tmp_path: Path) -> None:
    screen = Screen(COLS, ROWS)
    assert screen.snapshot() == b""
    target = tmp_path / "image"
    target.write_bytes(b"\xff" * 4)
    import base64

    screen.feed(b"\x1b_Ga=T,f=32,s=1,v=1,t=t;" + base64.b64encode(str(target).encode()) + b"\x1b\\shown")
    assert target.exists()  # medium t deletes what it has read
    assert b"shown" in screen.snapshot()


PROGRAMS = {
    "less": ["less", "+G", "/etc/services"],
    "vim": ["vim", "-u", "NONE", "/etc/services"],
    "top": ["top", "-d", "0.1"],
    "htop": ["htop", "-d", "1"],
    "tmux": ["tmux", "-f", "/dev/null", "-L", "berth-test", "new-session", "top -d 0.1"],
}


@pytest.mark.parametrize("name", PROGRAMS)
def test_real_programs_look_the_same_to_who_comes_late(name: str, tmp_path: Path) -> None:
    """What a real program writes while keys are pressed, replayed behind so much of its own output that it is gone."""
    command = PROGRAMS[name]
    if shutil.which(command[0]) is None:
        pytest.skip(f"{command[0]} is not installed")
    output = record(command, keys=[b"\x06", b"\x02", b"G", b"gg", b"/tcp\r"], folder=tmp_path)
    middle = len(output) // 2
    again = output + output[middle:] * (3 * BLOCK // max(1, len(output) - middle) + 1)
    assert replayed(again) == live(again)


def record(command: list[str], keys: list[bytes], folder: Path) -> bytes:
    """The output of a program at a terminal of its own, until it is quiet after the last key."""
    pid, master = pty.fork()
    if pid == 0:
        os.environ.update(TERM="xterm-256color", LANG="C.UTF-8", HOME=str(folder))
        os.execvp(command[0], command)  # noqa: S606
    fcntl.ioctl(master, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLS, 0, 0))
    output = b""
    try:
        for key in [b"", *keys]:
            os.write(master, key)
            until = time.monotonic() + 0.6
            while select.select([master], [], [], max(0.0, min(0.15, until - time.monotonic())))[0]:
                output += os.read(master, 65_536)
        return output
    finally:
        os.kill(pid, 9)
        os.waitpid(pid, 0)
        os.close(master)
        if command[0] == "tmux":
            subprocess.run(["tmux", "-L", "berth-test", "kill-server"], check=False, capture_output=True)
