"""Uploads are among what is held, so the store answers here."""

from tests.domains.storage.conftest import runtime, settings  # noqa: F401 - fixtures
