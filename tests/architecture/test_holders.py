"""Whatever outlives one request is registered in tests/rights/holders.py, with how its right is asked about again:
places that make sockets, secrets, tokens, certificates or signed addresses are found in the source and compared to it.
"""

import ast

import pytest

from tests.architecture.source import ROOT
from tests.rights.holders import HOLDERS, NOT_HELD, Way

MINTS = {
    "asyncssh.connect", "authenticate", "certify_key", "dial", "generate_presigned_url", "issue_user", "login_target",
    "management_target", "mint_management_certificate", "mint_user_certificate", "new_secret", "open_shell", "sign_get",
    "sign_part", "sign_user", "signed_token",
}  # fmt: skip


def _called(node: ast.Call) -> str:
    text = ast.unparse(node.func)
    last = text.rpartition(".")[2]
    return text if text in MINTS or last == "authenticate" else last  # who a request is, is asked with a method


def makers(text: str) -> set[str]:
    """Names of the functions that open a socket to a browser or call something that makes what lasts."""
    found = set()
    for node in ast.walk(ast.parse(text)):
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        calls = {_called(call) for call in ast.walk(node) if isinstance(call, ast.Call)}
        sockets = any(ast.unparse(one).startswith("websocket") for one in node.decorator_list)
        if sockets or calls & MINTS:
            found.add(node.name)
    return found


def _places() -> set[str]:
    files = sorted((ROOT / "app/domains").rglob("*.py")) + sorted((ROOT / "app/shared").rglob("*.py"))
    return {f"{file.relative_to(ROOT).as_posix()}:{name}" for file in files for name in makers(file.read_text("utf-8"))}


def test_every_place_that_makes_what_lasts_is_of_a_registered_kind() -> None:
    known = {place for holder in HOLDERS for place in holder.made_in} | set(NOT_HELD)
    found = _places()
    assert found - known == set(), "register it in tests/rights/holders.py, or say there why nobody holds it"
    assert known - found == set(), "these places make nothing any more"


@pytest.mark.parametrize("holder", HOLDERS, ids=lambda one: one.name)
def test_a_kind_says_of_every_way_in_which_a_right_ends_what_becomes_of_it(holder) -> None:
    assert set(holder.untouched) | holder.ended_by == set(Way)
    assert not set(holder.untouched) & holder.ended_by
    assert 0 <= holder.bound_seconds <= 5
    assert all(len(why) > 10 for why in holder.untouched.values())


def test_a_socket_and_a_secret_that_are_not_registered_would_be_found() -> None:
    assert makers("@websocket('/x', opt=1)\nasync def f(s): ...") == {"f"}
    assert makers("def g():\n    return crypto.new_secret()") == {"g"}
    assert makers("def h():\n    return asyncssh.connect(1)") == {"h"}
    assert makers("def i():\n    return other()") == set()
