"""How long certificates live, which keys are taken and how many."""

from app.shared.policy.keys import PolicyKey

CERTIFICATE_MINUTES = PolicyKey(
    name="releases.certificate_minutes",
    default=5,
    minimum=1,
    maximum=60,
    unit="minutes",
    description="How long a certificate opens a machine. A session that is open by then stays open.",
)
RSA_BITS = PolicyKey(
    name="releases.rsa_bits",
    default=3072,
    minimum=2048,
    maximum=8192,
    unit="bits",
    description="The least length of an RSA key that people may register. Keys that are registered already stay.",
)
MAX_KEYS = PolicyKey(
    name="releases.keys_most",
    default=50,
    minimum=1,
    maximum=200,
    unit="keys",
    description="How many SSH keys one person may have.",
)
KEYS_PER_MACHINE = PolicyKey(
    name="releases.keys_per_machine",
    default=50,
    minimum=1,
    maximum=80,
    unit="keys",
    description="How many keys may open one machine. More would not fit into one message to the machine.",
)
POLICIES = (CERTIFICATE_MINUTES, RSA_BITS, MAX_KEYS, KEYS_PER_MACHINE)
