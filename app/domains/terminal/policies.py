"""How many shells, and how long they wait for somebody to come back."""

from app.shared.policy.keys import PolicyKey

MAX_TERMINALS = PolicyKey(
    name="terminal.max_per_person",
    default=10,
    minimum=1,
    maximum=200,
    unit="shells",
    description="How many shells one person may have open at once, over all machines of a project.",
)
KEEP_MINUTES = PolicyKey(
    name="terminal.keep_minutes",
    default=720,
    minimum=1,
    maximum=10_080,
    unit="minutes",
    description="How long a shell that nobody has open in a browser is kept. It never outlives the sign-in it belongs "
    "to, nor the machine.",
)
POLICIES = (MAX_TERMINALS, KEEP_MINUTES)
