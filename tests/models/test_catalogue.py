"""Providers: the built-in table, a user's file, keys from the environment and from `.env`."""

from pathlib import Path

import pytest

from agentdyno.core.errors import InputError, UsageError
from agentdyno.core.model import ModelChoice
from agentdyno.models.catalogue import Catalogue, Target, read_providers


def target(name: str, *, file: Path | None = None, env_file: Path | None = None,
           **environ: str) -> Target:
    return read_providers(file, env_file, environ).target(ModelChoice.of(name))


def refused(name: str, **environ: str) -> UsageError:
    with pytest.raises(UsageError) as caught:
        read_providers(None, None, environ).check({"a": ModelChoice.of(name)})
    return caught.value


def key(found: Target) -> str | None:
    return found.key.get_secret_value() if found.key else None


@pytest.mark.parametrize(("name", "url", "variable"), [
    ("openai:gpt-5-mini", "https://api.openai.com/v1", "OPENAI_API_KEY"),
    ("groq:openai/gpt-oss-120b", "https://api.groq.com/openai/v1", "GROQ_API_KEY"),
    ("openrouter:a/b:free", "https://openrouter.ai/api/v1", "OPENROUTER_API_KEY"),
    ("google:gemini-x", "https://generativelanguage.googleapis.com/v1beta/openai",
     "GOOGLE_API_KEY"),
])
def test_models_are_named_as_users_know_them(name: str, url: str, variable: str) -> None:
    found = target(name, **{variable: "sk-1234"})
    assert (found.base_url, key(found), found.key_env) == (url, "sk-1234", variable)
    assert found.model == name.partition(":")[2]


def test_servers_of_ones_own_need_no_key() -> None:
    found = target("ollama:llama3.2:3b")
    assert (found.base_url, found.model, key(found)) == (
        "http://localhost:11434/v1", "llama3.2:3b", None
    )


def test_an_address_may_stand_behind_the_model() -> None:
    found = target("vllm:org/qwen@v2@http://box:8000/v1/", VLLM_API_KEY="sk-own")
    assert (found.base_url, found.model, key(found)) == (
        "http://box:8000/v1", "org/qwen@v2", "sk-own"
    )
    assert found.typed == "vllm:org/qwen@v2@http://box:8000/v1"


def test_a_variable_moves_a_provider_with_its_key() -> None:
    found = target("openai:x", OPENAI_BASE_URL="http://proxy:4000/v1", OPENAI_API_KEY="sk-1234")
    assert (found.base_url, key(found)) == ("http://proxy:4000/v1", "sk-1234")


def test_a_missing_key_is_named_by_its_variable() -> None:
    error = refused("openai:gpt-5-mini")
    assert "openai:gpt-5-mini needs an API key in the variable OPENAI_API_KEY" in error.message
    assert "export OPENAI_API_KEY=" in error.hint


def test_a_missing_key_of_a_fallback_is_found_before_anything_runs() -> None:
    choice = ModelChoice(model="ollama:x", fallback=ModelChoice.of("mistral:y"))
    with pytest.raises(UsageError, match="MISTRAL_API_KEY"):
        read_providers(None, None, {}).check({"a": choice})


def test_an_unknown_provider_is_refused_with_the_nearest() -> None:
    assert "did you mean 'openai'?" in refused("opnai:gpt").message


def test_a_variable_that_is_no_address_is_named() -> None:
    error = refused("openai:x", OPENAI_BASE_URL="box", OPENAI_API_KEY="k")
    assert "OPENAI_BASE_URL" in error.message


def test_the_environment_wins_over_the_file_of_keys(tmp_path: Path) -> None:
    file = tmp_path / ".env"
    file.write_text("# keys\nexport OPENAI_API_KEY='sk-file'\nMISTRAL_API_KEY=\"sk-${HOME}\"\n")
    assert key(target("openai:x", env_file=file)) == "sk-file"
    assert key(target("openai:x", env_file=file, OPENAI_API_KEY="sk-environ")) == "sk-environ"
    assert key(target("mistral:x", env_file=file)) == "sk-${HOME}"


def test_a_file_of_keys_that_is_no_text_is_refused(tmp_path: Path) -> None:
    file = tmp_path / ".env"
    file.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InputError, match="not UTF-8"):
        read_providers(None, file, {})


def test_a_users_file_adds_providers_and_changes_built_in_ones_key_by_key(tmp_path: Path) -> None:
    file = tmp_path / "providers.yaml"
    file.write_text("""\
providers:
  mine: {base_url: "https://gw.example/v1/", key_env: MINE, headers: {X-Team: "${env:TEAM}"}}
  openai: {max_concurrency: 2, requests_per_minute: 60}
""")
    mine = target("mine:m", file=file, MINE="sk-mine", TEAM="blue-team")
    assert (mine.base_url, key(mine)) == ("https://gw.example/v1", "sk-mine")
    assert mine.headers["X-Team"].get_secret_value() == "blue-team"
    assert mine.scrubbed("sk-mine of blue-team") == "*** of ***"
    changed = target("openai:m", file=file, OPENAI_API_KEY="sk-1234")
    assert changed.base_url == "https://api.openai.com/v1"
    assert (changed.row.max_concurrency, changed.row.requests_per_minute) == (2, 60)


def test_mistakes_in_a_users_file_have_line_and_key(tmp_path: Path) -> None:
    file = tmp_path / "providers.yaml"
    file.write_text("providers:\n  mine:\n    base_ur: http://x\n")
    with pytest.raises(InputError) as caught:
        read_providers(file, None, {})
    (problem,) = caught.value.problems
    assert (problem.line, problem.key) == (3, "providers.mine.base_ur")
    assert "did you mean 'base_url'?" in problem.message
    file.write_text("providers:\n  mine: {key_env: K}\n")
    with pytest.raises(InputError, match="needs its base_url"):
        read_providers(file, None, {})


def test_keys_do_not_show_in_what_is_printed() -> None:
    catalogue = read_providers(None, None, {"OPENAI_API_KEY": "sk-secret-1"})
    assert "sk-secret-1" not in repr(catalogue) + repr(catalogue.target(ModelChoice.of("openai:x")))


@pytest.mark.parametrize(("url", "proxy"), [
    ("https://api.openai.com/v1", "http://proxy:3128"),
    ("http://127.0.0.1:8000/v1", None),
    ("http://localhost:8000/v1", None),
    ("https://inner.example/v1", None),
])
def test_proxies_are_never_asked_for_this_machine(url: str, proxy: str | None) -> None:
    catalogue: Catalogue = read_providers(None, None, {
        "https_proxy": "http://proxy:3128", "HTTP_PROXY": "http://proxy:3128",
        "NO_PROXY": ".example",
    })
    assert catalogue.proxy(url) == proxy
