"""Time to first token and inter-token gaps outlive the run."""

from agentdyno.core.event import ModelCall
from agentdyno.store.trials import TrialStore
from agentdyno.tests.experiments.trials import model_call, sealed


async def test_first_token_and_gaps_come_back_from_the_store_as_they_were(
    store: TrialStore
) -> None:
    call = model_call(100).model_copy(update={
        "stream": True, "started_s": 0.125, "first_token_s": 0.375,
        "gaps_ms": (12.5, 0.004, 3071.25), "source": "recorded", "truncated": True,
    })
    trial = sealed(events=(call,))
    await store.save(await store.create_matrix("run", {}), [(trial, ())])
    (found,) = (await store.get(trial.id)).events
    assert isinstance(found, ModelCall)
    assert found == call
