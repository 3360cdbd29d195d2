"""Parts, checksums, what a file is served as, where it may go on a machine. Pure."""

import base64
import hashlib
import re
from urllib.parse import unquote
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domains.storage.rules import content, machine, names, parts

MIB = 1 << 20


@given(st.integers(min_value=parts.SINGLE + 1, max_value=5 << 40))
def test_parts_tile_a_file(size: int) -> None:
    each = parts.part_size(size)
    assert each is not None and each >= 5 * MIB and each % MIB == 0
    count = parts.part_count(size, each)
    assert 1 < count <= parts.MAX_PARTS
    assert (count - 1) * each + parts.size_of(count, size, each) == size
    assert parts.size_of(1, size, each) == each
    for wrong in (0, count + 1):
        with pytest.raises(ValueError, match="no such part"):
            parts.size_of(wrong, size, each)


def test_small_files_are_sent_in_one_piece() -> None:
    assert parts.part_size(0) is parts.part_size(parts.SINGLE) is None
    assert parts.part_size(2 << 30) == 8 * MIB


@given(st.binary(max_size=300), st.integers(min_value=1, max_value=64), st.lists(st.integers(1, 50), max_size=20))
def test_a_checksum_does_not_depend_on_how_a_file_is_read(data: bytes, each: int, cuts: list[int]) -> None:
    digest, start = parts.Digest(each), 0
    for cut in [*cuts, len(data)]:
        digest.add(data[start : start + cut])
        start += cut
    pieces = [data[at : at + each] for at in range(0, len(data), each)] or [b""]
    wanted = parts.composite([base64.b64encode(hashlib.sha256(piece).digest()).decode() for piece in pieces])
    assert digest.text() == wanted
    whole = parts.Digest(None)
    whole.add(data)
    assert parts.is_sha256(whole.text())


def test_a_digest_has_one_spelling() -> None:
    good = base64.b64encode(bytes(32)).decode()
    assert parts.is_sha256(good)
    for bad in ("", good[:-1], good[:-2] + "B=", good + "\n", "A" * 44, base64.b64encode(bytes(31)).decode(), "é" * 44):
        assert not parts.is_sha256(bad)


def test_keys_are_made_of_ids_and_read_back() -> None:
    project, file = uuid4(), uuid4()
    assert parts.ids_of(parts.key_of(project, file)) == (project, file)
    for foreign in (
        "",
        "a/b",
        f"{project}",
        f"{project}/{file}/x",
        f"{project}/{file}".upper(),
        f"{{{project}}}/{file}",
    ):
        assert parts.ids_of(foreign) is None


@given(st.text(st.characters(codec="utf-8", exclude_characters="/\x00"), min_size=1, max_size=80))
def test_a_name_survives_the_header_and_never_breaks_it(name: str) -> None:
    header = content.disposition(name)
    assert header.isascii() and header.isprintable()
    plain, _, exact = header.partition("; filename*=UTF-8''")
    assert unquote(exact) == name
    assert re.fullmatch(r'attachment; filename="[A-Za-z0-9._ -]+"', plain)


def test_what_is_text_is_told_by_its_bytes() -> None:
    assert content.as_text("grün".encode(), True) == ("grün", "UTF-8")
    assert content.as_text("grün".encode()[:-2], False) == ("gr", "UTF-8")
    assert content.as_text("grün".encode("latin-1"), True) == ("grün", "Latin-1")
    assert content.as_text("\ufeffgrün".encode("utf-16"), True) == ("\ufeffgrün", "UTF-16")
    assert content.as_text(bytes(range(256)), True) is None
    assert content.as_text(b"\x1b[31mred\x1b[0m\n", True) == ("\x1b[31mred\x1b[0m\n", "UTF-8")
    assert content.as_text(b"", True) == ("", "UTF-8")


@given(st.binary(max_size=400), st.booleans())
def test_any_bytes_can_be_looked_at(head: bytes, complete: bool) -> None:
    found = content.as_text(head, complete)
    assert found is None or "\x00" not in found[0]


def test_types_are_labels() -> None:
    for good in ("text/plain", "Text/HTML; charset=x", 'a/b;c="d e"', "application/vnd.x+json", "a/" + "b" * 253):
        assert content.content_type(good) == good
    assert content.content_type("") == content.OCTETS
    for bad in ("text", "text/", " text/html", "text/html\r\nx: y", "a/" + "b" * 254, "ä/b", "a/b; \u00a0"):
        assert content.content_type(bad) is None
    assert content.image_type("a.PNG") == "image/png"
    assert content.image_type("a.html") is content.image_type("png") is None or content.image_type("png") == "image/png"


def test_where_a_file_goes_on_a_machine() -> None:
    assert machine.target_of("", "a.bin") == machine.target_of("~/", "a.bin") == "a.bin"
    assert machine.target_of("data/", "a.bin") == "data/a.bin"
    assert machine.target_of("~/x/y", "a.bin") == machine.target_of("./x/y", "a.bin") == "x/y"
    assert machine.target_of("/scratch/a", "a.bin") == "/scratch/a"
    assert machine.target_of("/", "a.bin") == "/a.bin"
    for bad in ("..", "a/../b", "//x", "/../x", "a\x00", "~/../x"):
        with pytest.raises(machine.BadPath):
            machine.target_of(bad, "a.bin")


def test_names_of_namespaces() -> None:
    for good in ("a", "files", "a-1", "0" * 40):
        assert names.is_name(good)
    for bad in ("", "-a", "a-", "A", "a_b", "a" * 41, "objects", "ä", "a\n"):
        assert not names.is_name(bad)
