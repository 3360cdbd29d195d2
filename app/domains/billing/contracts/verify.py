"""What a verification of the ledger found."""

from datetime import datetime

import msgspec


class Finding(msgspec.Struct, frozen=True):
    """One thing that does not add up."""

    check: str
    subject: str
    detail: str


class CheckResult(msgspec.Struct, frozen=True):
    name: str
    examined: int
    findings: int


class VerifyReport(msgspec.Struct, frozen=True, kw_only=True):
    """What `berth ledger verify` found; `ok` only when no check has a finding."""

    ok: bool
    checks: tuple[CheckResult, ...]
    findings: tuple[Finding, ...]
    at: datetime
