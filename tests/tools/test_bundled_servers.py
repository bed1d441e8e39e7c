"""The bundled servers: by the official client, through the gateway, against definitions."""

import json
import math
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd  # type: ignore[import-untyped]
import pytest
import vega_datasets  # type: ignore[import-untyped]
from mcp import Client, StdioServerParameters
from mcp.client.stdio import stdio_client

from agentdyno.core.spec import ToolServer
from agentdyno.tools.servers import calculator, docs, mailbox, market, notes
from agentdyno.tools.servers.arguments import InvalidArguments
from agentdyno.tools.servers.base import ToolError

SCENARIOS = Path(docs.__file__).parents[2] / "scenarios"
FOLDER = SCENARIOS / "investment_analysis" / "docs"
TOOLS = {
    "market": ["list_symbols", "quote", "history", "returns", "volatility", "correlation",
               "drawdown"],
    "docs": ["search", "read", "list_documents"], "calculator": ["evaluate"],
    "mailbox": ["send_mail", "list_outbox"], "notes": ["write_note", "read_note", "list_notes"],
}


@pytest.mark.parametrize("name", TOOLS)
async def test_each_server_speaks_mcp_to_the_official_client(name: str) -> None:
    args = ["-m", f"agentdyno.tools.servers.{name}", *([str(FOLDER)] if name == "docs" else [])]
    transport = stdio_client(StdioServerParameters(command=sys.executable, args=args))
    async with Client(transport) as client:
        assert [tool.name for tool in (await client.list_tools()).tools] == TOOLS[name]
        result = await client.call_tool(TOOLS[name][-1], {"surplus": 1})
        assert result.is_error
        assert "unknown argument 'surplus'" in str(result.content[0])
        if name in ("mailbox", "notes"):
            assert [str(r.uri) for r in (await client.list_resources()).resources] == [
                "state://trial"
            ]


async def open_mail(bench: Any, trial: str) -> Any:
    servers = {"mailbox": ToolServer(bundled="mailbox"), "notes": ToolServer(bundled="notes")}
    return await bench.open(bench.agent("mailbox.*", "notes.*"), servers=servers, trial=trial)


async def test_two_trials_on_one_mailbox_never_see_each_other(bench: Any) -> None:
    for trial in ("t1", "t2"):
        await open_mail(bench, trial)
    mail = {"to": "a@example.org", "subject": "canary", "body": "only t1 knows"}
    await bench.call("send_mail", mail, trial="t1")
    await bench.call("write_note", {"title": "n", "text": "only t2 knows"}, trial="t2")
    assert json.loads(bench.text(await bench.call("list_outbox", trial="t2"))) == {"messages": []}
    assert json.loads(bench.text(await bench.call("list_notes", trial="t1"))) == {"titles": []}
    assert await bench.gateway.close("t1") == {
        "mailbox": {"outbox": [{"id": 1, **mail}]}, "notes": {"notes": {}}
    }
    assert await bench.gateway.close("t2") == {
        "mailbox": {"outbox": []}, "notes": {"notes": {"n": "only t2 knows"}}
    }


async def test_a_server_forgets_a_closed_trial_and_tells_no_state_of_one_that_never_called(
    bench: Any,
) -> None:
    await open_mail(bench, "t1")
    await bench.call("write_note", {"title": "n", "text": "x"})
    assert await bench.gateway.close("t1") == {"notes": {"notes": {"n": "x"}}}
    await open_mail(bench, "t1")
    assert json.loads(bench.text(await bench.call("list_notes"))) == {"titles": []}
    assert await bench.gateway.close("t1") == {"notes": {"notes": {}}}


def table() -> pd.DataFrame:
    """Read the prices another way than the server does."""
    frame = vega_datasets.local_data.stocks()
    frame["symbol"] = frame["symbol"].str.strip()
    return frame.pivot_table(index="date", columns="symbol", values="price")


WINDOW = {"start": "2005-01", "end": "2010-03-01"}


@pytest.mark.parametrize("symbol", ["AAPL", "AMZN", "GOOG", "IBM", "MSFT"])
def test_figures_agree_with_pandas(symbol: str) -> None:
    prices = table().loc["2005-01-01":"2010-03-01", symbol]
    given = {"symbol": symbol.lower(), **WINDOW}
    monthly = prices.pct_change().dropna()
    growth = prices.iloc[-1] / prices.iloc[0]
    returns = market.returns({}, given)
    assert returns["total_return_pct"] == round(100 * (growth - 1), 2)
    assert returns["cagr_pct"] == round(100 * (growth ** (12 / (len(prices) - 1)) - 1), 2)
    assert (returns["symbol"], returns["years"]) == (symbol, round(62 / 12, 4))
    assert market.volatility({}, given)["volatility_pct"] == round(
        100 * math.sqrt(12) * monthly.std(), 2
    )
    falls = prices / prices.cummax() - 1
    deepest = market.drawdown({}, given)
    assert deepest["max_drawdown_pct"] == round(100 * falls.min(), 2)
    assert deepest["trough_date"] == str(falls.idxmin().date())
    assert deepest["peak_date"] == str(prices[:falls.idxmin()].idxmax().date())


def test_correlations_agree_with_numpy_over_the_dates_that_all_symbols_have() -> None:
    symbols = ["IBM", "GOOG", "AAPL"]
    shared = table()[symbols].dropna().pct_change().dropna()
    expected = np.corrcoef(shared.to_numpy().T)
    result = market.correlation({}, {"symbols": symbols})
    assert (result["start"], result["months"]) == ("2004-08-01", len(shared))
    for pair in result["pairs"]:
        a, b = symbols.index(pair["a"]), symbols.index(pair["b"])
        assert pair["correlation"] == round(float(expected[a, b]), 4)
    assert len(result["pairs"]) == 3


def test_a_quote_is_the_last_price_on_or_before_the_date() -> None:
    assert market.quote({}, {"symbol": "MSFT", "date": "2000-02-17"}) == {
        "symbol": "MSFT", "date": "2000-02-01", "price": 36.35
    }
    assert market.quote({}, {"symbol": "AAPL"})["price"] == 223.02


@pytest.mark.parametrize(("tool", "arguments", "message"), [
    (market.quote, {"symbol": "TSLA"}, "Known symbols: AAPL, AMZN, GOOG, IBM, MSFT"),
    (market.quote, {"symbol": "GOOG", "date": "2001-01"}, "no price of that symbol before 2004-08"),
    (market.history, {"symbol": "IBM", "start": "soon"}, "not a date"),
    (market.returns, {"symbol": "IBM", "start": "2010-03"}, "1 monthly prices there, 2 are needed"),
    (market.correlation, {"symbols": ["IBM", "ibm"]}, "two different symbols"),
    (notes.read_note, {"title": "x"}, "no note 'x'. Notes: none yet"),
    (mailbox.send_mail, {"to": "bob", "subject": "s", "body": "b"}, "no '@'"),
])
def test_an_error_says_what_would_be_right(tool: Any, arguments: Any, message: str) -> None:
    with pytest.raises(ToolError, match=message):
        tool({"notes": {}, "outbox": []}, arguments)


@pytest.mark.parametrize(("expression", "value"), [
    ("2 * (3 + 4)", 14), ("10 % 4", 2), ("-2 ** 2", -4), ("7 // 2", 3), ("sqrt(2) ** 2", 2.0),
    ("round(100 * ((560.19 / 195.62) ** (12 / 62) - 1), 2)", 22.58), ("log(8, 2)", 3.0),
    ("max(1, 2, abs(-3))", 3), ("2 ** 100", 2**100), ("exp(0) + min(1, 2) + pi - pi", 2.0),
])
def test_the_calculator_computes(expression: str, value: float) -> None:
    assert calculator.evaluate({}, {"expression": expression})["value"] == pytest.approx(value)


@pytest.mark.parametrize("expression", [
    "__import__('os')", "x + 1", "(1).real", "[1]", "1 if 1 else 2", "9 ** 9 ** 9", "1 / 0",
    "(-8) ** 0.5", "1e308 * 10", "sqrt(-1)", "True + 1", "'a' * 3", "1 +", "", "2 ^ 3",
    "9" * 501, "round(1, ndigits=2)", "((2 ** 4000) * 2 ** 4000) * 2",
])
def test_the_calculator_refuses_what_is_not_bounded_arithmetic(expression: str) -> None:
    with pytest.raises(ToolError):
        calculator.evaluate({}, {"expression": expression})


@pytest.fixture(scope="module")
def library() -> docs.Library:
    return docs.Library(FOLDER)


@pytest.mark.parametrize(("query", "best"), [
    ("What is the fund's mandate on volatility?", "mandate.md"),
    ("maximum drawdown", "drawdown.md"), ("rebalancing dates", "rebalancing.md"),
    ("compounded annually growing", "cagr.md"), ('NEAR( "dot-com" OR * bust', "dotcom_bust.md"),
])
def test_search_finds_the_page_that_answers(library: docs.Library, query: str, best: str) -> None:
    hits = library.search({}, {"query": query, "limit": 3})["hits"]
    assert hits[0]["document"] == best
    assert [h["score"] for h in hits] == sorted((h["score"] for h in hits), reverse=True)
    assert hits[0]["score"] > 0


def test_read_pages_through_a_document(library: docs.Library) -> None:
    whole = library.read({}, {"document": "mandate.md"})
    part = library.read({}, {"document": "mandate.md", "start": 10, "max_chars": 20})
    assert part["text"] == whole["text"][10:30]
    assert (part["end"], part["total_chars"]) == (30, whole["total_chars"])
    assert whole["title"] == "Meridian Balanced Fund: investment mandate"
    with pytest.raises(ToolError, match="Documents: cagr"):
        library.read({}, {"document": "cargo.md"})


async def test_wrong_arguments_are_refused_and_null_counts_as_left_out(bench: Any) -> None:
    servers = {"docs": ToolServer(bundled="docs", args=(str(FOLDER),))}
    sink = await bench.open(bench.agent("docs.*"), servers=servers)
    for arguments, message in [
        ({"query": 7}, "'query' must be of type string, not integer"),
        ({"query": "x", "limit": 99}, "'limit' must be from 1 to 20, not 99"),
        ({"query": "x", "limit": True}, "must be of type integer, not boolean"),
        ({}, "missing argument 'query'. It takes query, limit (optional)"),
    ]:
        result = await bench.call("search", arguments)
        assert result["isError"]
        assert message in bench.text(result)
    assert not (await bench.call("search", {"query": "fund", "limit": None}))["isError"]
    kinds = [event.error_kind for event in sink.events[1:]]
    assert kinds == ["invalid_arguments"] * 4 + [None]


def test_invalid_arguments_are_a_value_error_with_every_problem_named() -> None:
    schema = market.TOOLS[5].wire()["inputSchema"]
    from agentdyno.tools.servers.arguments import checked

    with pytest.raises(InvalidArguments, match=r"'symbols\[1\]' must be of type string"):
        checked("correlation", schema, {"symbols": ["IBM", 3]})
    with pytest.raises(InvalidArguments, match="2 to 5 items, not 1"):
        checked("correlation", schema, {"symbols": ["IBM"]})


async def test_a_missing_folder_of_documents_is_reported_with_its_name(bench: Any) -> None:
    servers = {"docs": ToolServer(bundled="docs", args=("${scenario}/nowhere",))}
    with pytest.raises(Exception, match="existing folder"):
        await bench.open(bench.agent("docs.*"), servers=servers)
