"""The providers that are built in, one row each."""

from agentdyno.core.provider import ProviderRow


def _cloud(base_url: str, key_env: str) -> ProviderRow:
    return ProviderRow(base_url=base_url, key_env=key_env)


def _own(base_url: str, key_env: str) -> ProviderRow:
    return ProviderRow(base_url=base_url, key_env=key_env, self_hosted=True)


def _translated(name: str, key_env: str | None) -> ProviderRow:
    return ProviderRow(translator=name, key_env=key_env)


_GEMINI = _cloud("https://generativelanguage.googleapis.com/v1beta/openai", "GEMINI_API_KEY")

BUILT_IN: dict[str, ProviderRow] = {
    "openai": _cloud("https://api.openai.com/v1", "OPENAI_API_KEY"),
    "gemini": _GEMINI,
    "google": _GEMINI.model_copy(update={"key_env": "GOOGLE_API_KEY"}),
    "mistral": _cloud("https://api.mistral.ai/v1", "MISTRAL_API_KEY"),
    "groq": _cloud("https://api.groq.com/openai/v1", "GROQ_API_KEY"),
    "openrouter": _cloud("https://openrouter.ai/api/v1", "OPENROUTER_API_KEY"),
    "deepseek": _cloud("https://api.deepseek.com/v1", "DEEPSEEK_API_KEY"),
    "together": _cloud("https://api.together.xyz/v1", "TOGETHER_API_KEY"),
    "fireworks": _cloud("https://api.fireworks.ai/inference/v1", "FIREWORKS_API_KEY"),
    "cerebras": _cloud("https://api.cerebras.ai/v1", "CEREBRAS_API_KEY"),
    "xai": _cloud("https://api.x.ai/v1", "XAI_API_KEY"),
    "perplexity": _cloud("https://api.perplexity.ai", "PERPLEXITY_API_KEY"),
    "moonshot": _cloud("https://api.moonshot.ai/v1", "MOONSHOT_API_KEY"),
    "ollama": _own("http://localhost:11434/v1", "OLLAMA_API_KEY"),
    "vllm": _own("http://localhost:8000/v1", "VLLM_API_KEY"),
    "llamacpp": _own("http://localhost:8080/v1", "LLAMACPP_API_KEY"),
    "lmstudio": _own("http://localhost:1234/v1", "LMSTUDIO_API_KEY"),
    "litellm": _own("http://localhost:4000/v1", "LITELLM_API_KEY"),
    "anthropic": _translated("anthropic", "ANTHROPIC_API_KEY"),
    # These take their credentials from the cloud's own chain.
    "bedrock": _translated("bedrock", None),
    "vertexai": _translated("vertexai", None),
    "vertexaianthropic": _translated("vertexaianthropic", None),
    "cohere": _translated("cohere", "COHERE_API_KEY"),
}
