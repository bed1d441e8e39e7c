"""Memory: what agents remember, what was found of it, and forgetting."""

import streamlit as st

from agentdyno.dashboards import access, frame, links
from agentdyno.dashboards.bridge import ask
from agentdyno.dashboards.forgetting import forget_all, forget_item
from agentdyno.dashboards.said import attempt, told
from agentdyno.dashboards.text import label, shorten, show
from agentdyno.dashboards.times import utc
from agentdyno.dashboards.trialviews.reading import place
from agentdyno.evals.stats import wilson
from agentdyno.memory import browse
from agentdyno.memory.browse import BrowsedItem, Namespace
from agentdyno.store.database import Pool, connected
from agentdyno.store.memoryuse import NEWEST, MemoryUse, memory_use

_SECTIONS = ("Browse", "Search", "Use")
_PAGE = 50
_KINDS = {"all": "", "seeds of scenarios": "seed", "written by trials": "trial"}


def page() -> None:
    """Show the section of the memory that the user chose."""
    frame.header("Memory", "What agents remember, what they found of it, and forgetting.")
    told("memory")
    spaces = _namespaces("")
    if not spaces:
        frame.empty("Nothing is remembered yet: no trial had a memory.",
                    "agentdyno run investment_analysis")
        return
    match links.choose_section("Section", _SECTIONS, "part"):
        case "Search":
            _search()
        case "Use":
            _use()
        case _:
            _browse()


def _namespaces(kind: str) -> list[Namespace]:
    async def work(pool: Pool) -> list[Namespace]:
        async with connected(pool) as link:
            return await browse.namespaces(link, kind=kind)

    return ask(work)


def _items(namespace: str | None, query: str, page: int) -> list[BrowsedItem]:
    async def work(pool: Pool) -> list[BrowsedItem]:
        async with connected(pool) as link:
            return await browse.items(link, namespace=namespace, query=query, limit=_PAGE + 1,
                                      offset=(page - 1) * _PAGE)

    return ask(work)


def _browse() -> None:
    kind = links.choose("Show", list(_KINDS), "kind") or "all"
    spaces = _namespaces(_KINDS[kind])
    st.caption(f"The {len(spaces)} namespaces that changed last. A trial reads its own and its"
               " scenario's seed, never another trial's.")
    row = frame.table(
        [{"namespace": one.namespace, "items": one.items, "characters": one.characters,
          "changed (UTC)": utc(one.updated_at), "conversations": one.conversations}
         for one in spaces], key="namespaces", height=260,
    )
    wanted = links.parameter("namespace")
    chosen = spaces[row] if row is not None else next(
        (one for one in spaces if one.namespace == wanted), None
    )
    if chosen is None:
        st.info("Choose a namespace to see what is in it.")
        return
    st.subheader(label(chosen.namespace, 120))
    if chosen.trial_id:
        links.link("trial", f"Open trial {chosen.trial_id[:10]}", trial=chosen.trial_id)
    _listed(chosen.namespace, "")
    _forget_namespace(chosen)


def _search() -> None:
    query = st.text_input("Words to look for", key="words", bind="query-params")
    if not query.strip():
        st.info("Items that hold any of the words are found, in all namespaces, ranked as the"
                " lexical search of agents ranks them.")
        return
    _listed(None, query)


def _listed(namespace: str | None, query: str) -> None:
    at = int(st.number_input("Page", min_value=1, value=1, step=1, key="items_page",
                             width=160))
    found = _items(namespace, query, at)
    shown = found[:_PAGE]
    if not shown:
        st.info("Nothing is found." if query else "There is nothing on this page.")
        return
    more = ", and there are more pages" if len(found) > _PAGE else ""
    st.caption(f"{len(shown)} items{more}.")
    row = frame.table([_row(one, ranked=bool(query)) for one in shown], key="items", height=320)
    if row is not None and row < len(shown):
        _item(shown[row])


def _row(one: BrowsedItem, *, ranked: bool) -> dict[str, object]:
    head = {"rank": round(one.score or 0, 4)} if ranked else {}
    return {
        **head, "id": f"m{one.ordinal}", "text": shorten(one.text), "found by searches": one.found,
        "of conversations": one.found_by, "namespace": one.namespace,
        "vector": one.embedder_id or "none: lexical", "made (UTC)": utc(one.created_at),
    }


def _item(one: BrowsedItem) -> None:
    show(one.text)
    if one.metadata:
        show(str(one.metadata))
    reason = st.text_input("Why it is forgotten, for the audit log", key=f"why_{one.id}")
    st.button(
        "Forget this item", key=f"forget_{one.id}", icon=":material/delete:",
        disabled=not reason.strip(), on_click=attempt,
        args=("memory", lambda pool: forget_item(
            pool, one.id, one.namespace, who=access.actor(), reason=reason.strip())),
    )


def _forget_namespace(space: Namespace) -> None:
    with st.expander("Forget everything in this namespace"):
        st.caption(
            f"{space.items} items. Their texts leave the memory; what trials said and did with"
            " them stays in the trials' records. There is no way back."
        )
        reason = st.text_input("Why, for the audit log", key=f"why_{space.namespace}")
        sure = st.checkbox("I mean all of it", key=f"sure_{space.namespace}")
        st.button(
            f"Forget {space.items} items", key=f"forget_{space.namespace}",
            icon=":material/delete_forever:", disabled=not (sure and reason.strip()),
            on_click=attempt,
            args=("memory", lambda pool: forget_all(
                pool, space.namespace, who=access.actor(), reason=reason.strip())),
        )


def _use() -> None:
    found = _used(place())
    if not found:
        frame.empty("No stored trial called a memory tool.", "agentdyno run investment_analysis")
        return
    st.caption(f"Over the newest {NEWEST:,} trials that called a memory tool. What a search found"
               " is counted as long as it is remembered.")
    frame.table(
        [{"scenario": one.scenario, "runner": one.runner, "trials": one.trials,
          "searches": one.searches, "searches that found": one.hits, "items found": one.items,
          "writes": one.writes, "errors": one.errors,
          "trials that searched and found": _rate(one.finding, one.searching)} for one in found],
        key="memory_use", plain=True,
    )
    _often()


def _rate(count: int, n: int) -> str:
    rate = wilson(count, n)
    if rate is None:
        return "none searched"
    return f"{count} of {n} ({100 * rate.low:.0f} to {100 * rate.high:.0f} %)"


@st.cache_data(ttl=60, max_entries=4, show_spinner=False)
def _used(where: str) -> list[MemoryUse]:
    return ask(memory_use)


@st.cache_data(ttl=60, max_entries=4, show_spinner=False)
def _found_most(where: str) -> list[BrowsedItem]:
    async def work(pool: Pool) -> list[BrowsedItem]:
        async with connected(pool) as link:
            return await browse.often_found(link)

    return ask(work)


def _often() -> None:
    found = _found_most(place())
    if found:
        st.subheader("Found most often")
        frame.table([_row(one, ranked=False) for one in found], key="often_found", plain=True)
