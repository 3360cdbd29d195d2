"""What runs in a development stack and with which settings: services, simulators, product, and their addresses.

Pure: everything follows from the home, its state and its secrets. Starts nothing.
"""

from dataclasses import dataclass
from typing import Any

from devstack.home import Home, Secrets, State
from devstack.programs import Provisioner, Simulators, TerminalHost, Web, Worker
from devstack.services.base import Service
from devstack.services.nats import Nats
from devstack.services.postgres import Postgres
from devstack.services.s3 import PORT_OPTIONS, S3
from devstack.services.temporal import NAMESPACE, Temporal
from devstack.services.valkey import Valkey

OPERATOR = "olga@berth.example"
SECOND_OPERATOR = "otto@berth.example"  # large refunds need two people
TASK_QUEUE = "berth"


@dataclass(frozen=True, slots=True)
class Plan:
    """The settled choices of one run (ports are reserved)."""

    home: Home
    state: State
    secrets: Secrets

    def port(self, name: str) -> int:
        return self.state.ports[name]

    @property
    def url(self) -> str:
        """Where browsers find the portal."""
        return f"http://localhost:{self.port('web')}"

    @property
    def inbox_url(self) -> str:
        """Where the mails that Berth sends can be read."""
        return f"http://localhost:{self.port('smtp.web')}"

    def services(self) -> list[Service]:
        """The backing services, not started."""
        home, port, secret = self.home, self.port, self.secrets
        s3_ports = [port(option) for option in PORT_OPTIONS]
        return [
            Postgres(home.path / "postgres", home.log("postgres"), port("postgres"), secret.postgres_superuser),
            Valkey(home.path / "valkey", home.log("valkey"), port("valkey"), secret.valkey),
            Nats(home.path / "nats", home.log("nats"), port("nats"), port("nats.monitor"), secret.nats),
            Temporal(
                home.path / "temporal", home.log("temporal"),
                port("temporal"), port("temporal.http"), port("temporal.metrics"),
            ),
            S3(
                home.path / "s3", home.log("s3"), s3_ports,
                secret.s3_access_key, secret.s3_secret_key, "berth", self.url,
            ),
        ]  # fmt: skip

    def simulators(self) -> list[Service]:
        """The simulated outside world: one process for maas, stripe, oidc and mail, one for the nodes."""
        config, port = self.home.path / "simulators.json", self.port
        outside = [port("maas"), port("stripe"), port("oidc"), port("smtp.web")]
        data = self.home.path / "simulators"
        return [
            Simulators(data, self.home.log("simulators"), "devstack.simulators", config, outside),
            Simulators(data, self.home.log("nodes"), "devstack.simulators.nodes", config, [port("nodes.control")]),
        ]

    def product(self) -> list[Service]:
        """web, worker, provisioner, terminal host."""
        home, environment = self.home, self.environment()
        valkey = Valkey(home.path, home.path, self.port("valkey"), self.secrets.valkey)
        return [
            Web(home.path, home.log("web"), environment, self.port("web")),
            Worker(home.path, home.log("worker"), environment, valkey),
            Provisioner(home.path, home.log("provisioner"), environment, valkey),
            TerminalHost(home.path, home.log("terminal-host"), environment, valkey),
        ]

    def environment(self) -> dict[str, str]:
        """The product's settings, exactly what a production install passes by its own means."""
        port, secret = self.port, self.secrets
        database = f"127.0.0.1:{port('postgres')}/berth"
        return {
            "BERTH_ENV": "development",
            "BERTH_INSTANCE": self.home.instance,
            "BERTH_HOME": str(self.home.path),
            "BERTH_PUBLIC_URL": self.url,
            "BERTH_SECRET_KEY": secret.secret_key,
            "BERTH_HOST": "127.0.0.1",
            "BERTH_PORT": str(port("web")),
            "BERTH_DATABASE_URL": f"postgresql://berth_app:{secret.postgres_app}@{database}",
            "BERTH_DATABASE_OWNER_URL": f"postgresql://berth_owner:{secret.postgres_owner}@{database}",
            "BERTH_VALKEY_URL": f"redis://:{secret.valkey}@127.0.0.1:{port('valkey')}/0",
            "BERTH_NATS_URL": f"nats://berth:{secret.nats}@127.0.0.1:{port('nats')}",
            "BERTH_TEMPORAL_ADDRESS": f"127.0.0.1:{port('temporal')}",
            "BERTH_TEMPORAL_NAMESPACE": NAMESPACE,
            "BERTH_TEMPORAL_TASK_QUEUE": TASK_QUEUE,
            **self._outside(),
            "BERTH_PLATFORM_ADMINS": f"{OPERATOR},{SECOND_OPERATOR}",
            "BERTH_PKI_DIR": str(self.home.path / "pki"),
        }

    def _outside(self) -> dict[str, str]:
        port, secret = self.port, self.secrets
        return {
            "BERTH_S3_URL": f"http://127.0.0.1:{port('s3.port')}",
            "BERTH_S3_PUBLIC_URL": f"http://127.0.0.1:{port('s3.port')}",
            "BERTH_S3_ACCESS_KEY": secret.s3_access_key,
            "BERTH_S3_SECRET_KEY": secret.s3_secret_key,
            "BERTH_S3_BUCKET": "berth",
            "BERTH_MAAS_URL": f"http://127.0.0.1:{port('maas')}/MAAS",
            "BERTH_MAAS_API_KEY": secret.maas_api_key,
            "BERTH_MAAS_POOL": "berth",
            "BERTH_NODE_SSH_PORT": str(port("nodes.ssh")),
            "BERTH_STRIPE_API_URL": f"http://127.0.0.1:{port('stripe')}",
            "BERTH_STRIPE_SECRET_KEY": secret.stripe_secret_key,
            "BERTH_STRIPE_WEBHOOK_SECRET": secret.stripe_webhook_secret,
            "BERTH_STRIPE_CHECKOUT_ORIGIN": f"http://localhost:{port('stripe')}",
            "BERTH_OIDC_ISSUER": f"http://localhost:{port('oidc')}",
            "BERTH_OIDC_EARLIER_ISSUERS": ",".join(f"http://localhost:{old}" for old in self.state.earlier_oidc),
            "BERTH_OIDC_CLIENT_ID": "berth",
            "BERTH_OIDC_CLIENT_SECRET": secret.oidc_client_secret,
            "BERTH_SMTP_URL": f"smtp://127.0.0.1:{port('smtp')}",
            "BERTH_MAIL_FROM": "Berth <no-reply@berth.example>",
            "BERTH_WEBHOOK_LOOPBACK": "yes",
        }

    def simulator_config(self) -> dict[str, Any]:
        """What `python -m devstack.simulators --config` reads."""
        port, secret = self.port, self.secrets
        return {
            "data_dir": str(self.home.path / "simulators"),
            "fleet": self.state.fleet,
            "public_url": self.url,
            "maas": {
                "port": port("maas"),
                "admin_api_key": secret.maas_admin_api_key,
                "api_key": secret.maas_api_key,
                "nodes_url": f"http://127.0.0.1:{port('nodes.control')}",
                "speed": 1.0,
            },
            "stripe": {
                "port": port("stripe"),
                "secret_key": secret.stripe_secret_key,
                "webhook_secret": secret.stripe_webhook_secret,
                "webhook_url": f"{self.url}/webhooks/stripe",
            },
            "oidc": {
                "port": port("oidc"),
                "client_id": "berth",
                "client_secret": secret.oidc_client_secret,
                "redirect_uri": f"{self.url}/auth/callback",
                "post_logout_redirect_uri": f"{self.url}/",
            },
            "smtp": {"port": port("smtp.web"), "smtp_port": port("smtp")},
            "nodes": {"control_port": port("nodes.control"), "ssh_port": port("nodes.ssh")},
        }
