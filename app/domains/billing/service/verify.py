"""The proof that the books add up, and the seals that make tampering visible. Changes nothing but the seals."""

from app.domains.billing.contracts.verify import CheckResult, Finding, VerifyReport
from app.domains.billing.repository import proofs, seals
from app.shared.context import Context

SEALS = "the seals are whole"


async def seal(ctx: Context) -> int:
    """Seal everything that was committed since the last seal. Returns the number of entries."""
    return await seals.add_seal(ctx.session, await ctx.now())


async def verify_ledger(ctx: Context) -> VerifyReport:
    """Recompute everything from entries and usage records, at one instant, while the product runs on.

    The Context must be fresh: the instant is that of its first statement.
    """
    await proofs.freeze(ctx.session)
    checks: list[CheckResult] = []
    findings: list[Finding] = []
    for name, count, query in proofs.CHECKS:
        examined, broken = await proofs.ask(ctx.session, count, query)
        checks.append(CheckResult(name, examined, len(broken)))
        findings += [Finding(name, subject, detail) for subject, detail in broken]
    examined, broken_seals = await seals.broken_seals(ctx.session)
    checks.append(CheckResult(SEALS, examined, len(broken_seals)))
    findings += [Finding(SEALS, f"seal {number}", detail) for number, detail in broken_seals]
    return VerifyReport(ok=not findings, checks=tuple(checks), findings=tuple(findings), at=await ctx.now())


def render(report: VerifyReport) -> str:
    """The report for a terminal."""
    lines = [
        f"{'ok  ' if not check.findings else 'FAIL'}  {check.name} ({check.examined} examined)"
        for check in report.checks
    ]
    lines += [f"      {finding.subject}: {finding.detail}" for finding in report.findings]
    lines.append("The ledger adds up." if report.ok else f"{len(report.findings)} things do not add up.")
    return "\n".join(lines)
