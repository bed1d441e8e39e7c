"""Where models or tools were asked otherwise than in the baseline: exact, and told apart from what
scatters."""

from collections.abc import Iterator, Mapping

from agentdyno.core.noun import Noun
from agentdyno.experiments.gate.baseline import Baseline, Cell, KeptTrial
from agentdyno.experiments.gate.wireprint import WirePrint

NOTHING = "(nothing)"


class Drift(Noun):
    """The first thing in a cell's wire that is not as it was blessed."""

    runner: str
    situation: str
    repeats: tuple[int, ...]
    """Repeats in which it is so."""
    agent: str
    """Who asks; "" for an answer."""
    what: str
    """`call 2`, `tool call 1` or `answer 1`."""
    field: str
    """First field of a call that differs; "" where the whole call is new or gone."""
    before: str
    now: str
    calls: int
    """Model calls of the trial that differ, counting those that are new or gone."""
    trial: str
    """A trial to look at."""
    blessed: str
    """The trial of the baseline that it is held against."""
    told: str = ""
    """What the replay said of it, with both texts; "" where nothing was missed."""

    @property
    def place(self) -> str:
        """Return where it is, in words."""
        of = f" of {self.agent}" if self.agent else ""
        return f"{self.what}{of}" + (f", {self.field}" if self.field else "")


class Place(Noun):
    """The first difference between two prints."""

    agent: str
    what: str
    field: str = ""
    before: str
    now: str


def drifts(before: Baseline, now: Baseline) -> tuple[Drift, ...]:
    """Return the drift of every cell that is in both; trials that fail alike are told once.

    A trial drifts when what it sent is not what any blessed trial of its cell sent; it is then held
    against the one of the same repeat.
    """
    blessed = before.by_place()
    found: dict[tuple[str, ...], Drift] = {}
    for place, cell in now.by_place().items():
        if place not in blessed:
            continue
        for one in _of_cell(blessed[place], before.wires, cell, now.wires):
            key = (one.runner, one.situation, one.place, one.before, one.now)
            seen = found.get(key)
            repeats = (*seen.repeats, *one.repeats) if seen else one.repeats
            found[key] = (seen or one).model_copy(update={"repeats": repeats})
    return tuple(found.values())


def _of_cell(
    old: Cell, old_wires: Mapping[str, WirePrint], new: Cell, new_wires: Mapping[str, WirePrint]
) -> Iterator[Drift]:
    known = {trial.wire for trial in old.trials if trial.counted and trial.wire}
    for trial in new.trials:
        if not known or not trial.wire or trial.wire in known:
            continue
        against = _against(old, trial)
        one, other = old_wires[against.wire], new_wires[trial.wire]
        place = first_difference(one, other)
        # A trial that the bench broke off sent less, which says nothing of what it would have.
        if place is None or (not trial.counted and not trial.missed and place.now == NOTHING):
            continue
        yield Drift(
            runner=new.runner, situation=new.situation, repeats=(trial.repeat,),
            agent=place.agent, what=place.what, field=place.field, before=place.before,
            now=place.now, calls=_differing(one, other), trial=trial.id, blessed=against.id,
            told=trial.reason if trial.missed else "",
        )


def _against(cell: Cell, trial: KeptTrial) -> KeptTrial:
    counted = [one for one in cell.trials if one.counted and one.wire]
    return next((one for one in counted if one.repeat == trial.repeat), counted[0])


def first_difference(before: WirePrint, now: WirePrint) -> Place | None:
    """Return the first place where two prints differ, model calls first; None when none does.

    A call whose fields changed comes before one that is new or gone: that is what follows.
    """
    old, new = before.requests(), now.requests()
    order = list(dict.fromkeys((*old, *new)))
    for agent, number in order:
        one, other = old.get((agent, number)), new.get((agent, number))
        if one is None or other is None or one == other:
            continue
        field = next(name for name in (*one, *other) if one.get(name) != other.get(name))
        return Place(
            agent=agent, what=f"call {number}", field=field,
            before=one.get(field, NOTHING), now=other.get(field, NOTHING),
        )
    for agent, number in order:
        if ((agent, number) in old) != ((agent, number) in new):
            told = "a request", NOTHING
            was, is_now = told if (agent, number) in old else told[::-1]
            return Place(agent=agent, what=f"call {number}", before=was, now=is_now)
    return _listed("tool call", before.tools, now.tools) or _listed(
        "answer", before.answers, now.answers
    )


def _listed(what: str, before: tuple[str, ...], now: tuple[str, ...]) -> Place | None:
    for at in range(max(len(before), len(now))):
        one, other = (some[at] if at < len(some) else NOTHING for some in (before, now))
        if one != other:
            agent = (other if one == NOTHING else one).partition(": ")[0]
            return Place(
                agent=agent if what == "tool call" else "", what=f"{what} {at + 1}", before=one,
                now=other,
            )
    return None


def _differing(before: WirePrint, now: WirePrint) -> int:
    old, new = before.requests(), now.requests()
    return sum(old.get(place) != new.get(place) for place in {*old, *new})
