"""The probe runtime and the table of effects."""

from tests.fixtures.relay import ledger, runtime

__all__ = ["ledger", "runtime"]
