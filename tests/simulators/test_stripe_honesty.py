"""The simulated Stripe is believed only while its objects have no field that the real ones lack, and vice versa.

Compared with the current public samples of Stripe's resources when they are at hand, else with our trimmed copy.
"""

import json
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import cast

import httpx2
import pytest

from tests.simulators.stripe_world import SECRET_KEY, World, stripe_world

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
CORPUS = ROOT.parent / "shared" / "corpora" / "stripe" / "fixtures3.json"
SAMPLE = HERE / "samples" / "stripe-resources.json"

# Documented properties which the samples of Stripe do not show.
MORE = {"payment_intent.next_action": {"type"}, "payment_intent.payment_method_options": {"card"}}
# Properties that exist only for accounts or features which are not played.
NOT_PLAYED = {
    "charge": {"refunds"},
    "refund": {"customer", "customer_account", "payment_method"},
    "item": {"adjustable_quantity", "metadata"},
}

Wire = dict[str, object]


def resources() -> dict[str, Wire]:
    file = CORPUS if CORPUS.exists() else SAMPLE
    return cast("dict[str, Wire]", json.loads(file.read_text())["resources"])


@pytest.fixture(scope="module")
async def answers(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[dict[str, list[Wire]]]:
    """Every object the API gives out after a decline, a success, a refund and an expiry, by `object`."""
    async with stripe_world(tmp_path_factory.mktemp("stripe")) as world:
        found: dict[str, list[Wire]] = {}
        for wire in [wire async for wire in _everything(world)]:
            found.setdefault(str(wire["object"]), []).append(wire)
        yield found


async def _everything(world: World) -> AsyncIterator[Wire]:
    auth = httpx2.BasicAuth(SECRET_KEY, "")
    session, expired = await world.session(), await world.session()
    await world.pay(session, "4000 0000 0000 0002")
    await world.pay(session)
    await world.sdk.v1.checkout.sessions.expire_async(expired.id)
    paid = await world.sdk.v1.checkout.sessions.retrieve_async(session.id)
    intent = str(paid.payment_intent)
    refund = await world.sdk.v1.refunds.create_async({"payment_intent": intent, "amount": 100})
    begun = await world.browser.post(f"{world.url}/_dashboard/disputes", json={"payment_intent": intent})
    for path in (
        f"disputes/{begun.json()['id']}",
        f"customers/{session.customer}",
        f"checkout/sessions/{session.id}",
        f"checkout/sessions/{expired.id}",
        f"payment_intents/{intent}",
        f"refunds/{refund.id}",
    ):
        yield (await world.browser.get(f"{world.url}/v1/{path}", auth=auth)).json()
    for path in ("charges", "events", f"checkout/sessions/{session.id}/line_items"):
        for wire in (await world.browser.get(f"{world.url}/v1/{path}", auth=auth)).json()["data"]:
            yield wire
            if wire["object"] == "event":
                yield wire["data"].pop("object")


def invented(ours: Wire, theirs: Wire, path: str) -> Iterator[str]:
    """The fields of ours which theirs lacks, as paths. Free-form groups and unset ones are not compared."""
    if path.endswith((".metadata", ".last_payment_error")) or not theirs:
        return
    for key, value in ours.items():
        if key not in theirs:
            if key not in MORE.get(path, set()):
                yield f"{path}.{key}"
        elif isinstance(value, dict) and isinstance(theirs[key], dict):
            yield from invented(value, cast("Wire", theirs[key]), f"{path}.{key}")


@pytest.mark.parametrize(
    "kind", ["customer", "checkout.session", "payment_intent", "charge", "refund", "event", "item", "dispute"]
)
async def test_an_object_has_the_real_fields_and_no_other(answers: dict[str, list[Wire]], kind: str) -> None:
    theirs = resources()[kind]
    assert answers[kind]
    for ours in answers[kind]:
        assert list(invented(ours, theirs, kind)) == []
        assert set(theirs) - set(ours) - NOT_PLAYED.get(kind, set()) == set()


@pytest.mark.skipif(not CORPUS.exists(), reason="the corpus is not on this machine")
def test_our_trimmed_sample_has_the_fields_of_the_corpus() -> None:
    corpus, sample = resources(), json.loads(SAMPLE.read_text())["resources"]
    assert {kind: set(wire) for kind, wire in sample.items()} == {kind: set(corpus[kind]) for kind in sample}
