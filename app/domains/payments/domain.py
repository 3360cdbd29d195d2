"""What payments hand to the composition roots."""

from app.domains.payments.handlers import pages, rest
from app.domains.payments.jobs import CRONS, JOBS
from app.domains.payments.policies import POLICIES
from app.shared.manifest import Domain

DOMAIN = Domain(name="payments", routes=[*pages.ROUTES, *rest.ROUTES], jobs=JOBS, crons=CRONS, policies=POLICIES)
