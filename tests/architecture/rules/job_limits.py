"""Every background job states its time-out and its retries: the library's defaults (10 s, one try) suit none."""

import ast
from collections.abc import Iterator

from tests.architecture.source import Finding, Source, dotted

SCOPE = ("app/**/*.py", "workers/**/*.py")
REGISTRATIONS = frozenset({"JobSpec", "CronSpec", "CronJob", "job", "cron"})
MODULES = ("jobs", "domain")


def check(source: Source) -> Iterator[Finding]:
    for call, name in source.calls():
        last = name.rpartition(".")[2]
        constructor = last in {"JobSpec", "CronSpec", "CronJob"}
        if constructor or (last in REGISTRATIONS and source.room in MODULES):
            stated = {keyword.arg for keyword in call.keywords}
            for wanted in ("timeout", "retries"):
                if wanted not in stated and None not in stated:
                    yield source.finding(call, f"{name}(…) does not state {wanted}=")
    for function in source.functions():
        for decorator in function.decorator_list:
            if isinstance(decorator, ast.Name | ast.Attribute) and source.room in MODULES:
                if dotted(decorator).rpartition(".")[2] in REGISTRATIONS:
                    yield source.finding(decorator, "the job does not state timeout= and retries=")


JOBS = "app/domains/billing/jobs.py"
BAD = [
    (JOBS, "SPEC = JobSpec(sweep, retries=3)\n"),
    (JOBS, "@job(timeout=30)\nasync def sweep(ctx): ...\n"),
    (JOBS, "@job\nasync def sweep(ctx): ...\n"),
    ("workers/saq.py", "CRON = CronJob(sweep, cron='* * * * *')\n"),
]
GOOD = [
    (JOBS, "SPEC = JobSpec(sweep, timeout=30, retries=3)\n"),
    (JOBS, "@job(timeout=30, retries=3)\nasync def sweep(ctx): ...\n"),
    ("app/domains/billing/service.py", "def f(job):\n    return job()\n"),
]
