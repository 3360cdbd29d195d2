"""Proves that the books add up, and seals entries so that tampering is visible. Changes nothing but the seals."""

from app.domains.billing.contracts import CheckResult, Finding, VerifyReport
from app.domains.billing.repository.checks import CHECKS, CheckRepository
from app.domains.billing.repository.seals import SealRepository
from app.shared.context import Context

SEALS = "the seals are whole"


async def seal(ctx: Context) -> int:
    """Seal everything that was committed since the last seal. Returns the number of entries."""
    return await SealRepository(ctx.session).append(await ctx.now())


async def verify_ledger(ctx: Context) -> VerifyReport:
    """Recompute everything from entries and usage records at one instant, without stopping the product.

    The Context must be fresh: the instant is that of its first statement.
    """
    repository = CheckRepository(ctx.session)
    await repository.begin_snapshot()
    checks: list[CheckResult] = []
    findings: list[Finding] = []
    for name, count, query in CHECKS:
        examined, broken = await repository.run(count, query)
        checks.append(CheckResult(name, examined, len(broken)))
        findings += [Finding(name, subject, detail) for subject, detail in broken]
    examined, broken_seals = await SealRepository(ctx.session).list_broken()
    checks.append(CheckResult(SEALS, examined, len(broken_seals)))
    findings += [Finding(SEALS, f"seal {number}", detail) for number, detail in broken_seals]
    return VerifyReport(ok=not findings, checks=tuple(checks), findings=tuple(findings), at=await ctx.now())


def render_verify_report(report: VerifyReport) -> str:
    """The report as lines for a terminal."""
    lines = [
        f"{'ok  ' if not check.findings else 'FAIL'}  {check.name} ({check.examined} examined)"
        for check in report.checks
    ]
    lines += [f"      {finding.subject}: {finding.detail}" for finding in report.findings]
    count = len(report.findings)
    lines.append("The ledger adds up." if report.ok else f"The ledger does not add up: {count} findings.")
    return "\n".join(lines)
