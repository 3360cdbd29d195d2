"""Processes that `./berth up` starts say which commit they are of."""

from pathlib import Path

import pytest

from devstack import programs


def test_the_commit_of_the_checkout_is_stamped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("BERTH_COMMIT", raising=False)
    monkeypatch.setattr(programs, "checkout_commit", lambda: "1a2b3c4")
    assert programs.child_environment({})["BERTH_COMMIT"] == "1a2b3c4"
    monkeypatch.setenv("BERTH_COMMIT", "5d6e7f8")
    assert programs.child_environment({})["BERTH_COMMIT"] == "5d6e7f8"


def test_outside_a_checkout_nothing_is_claimed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("BERTH_COMMIT", raising=False)
    monkeypatch.setattr(programs, "ROOT", tmp_path)
    programs.checkout_commit.cache_clear()
    assert "BERTH_COMMIT" not in programs.child_environment({})
    programs.checkout_commit.cache_clear()
