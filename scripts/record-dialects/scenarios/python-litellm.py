"""LiteLLM's OpenTelemetry callback around its own calls, which are those of python_calls.py."""

import os

os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"

import litellm  # noqa: E402

LONG_SYSTEM = "Rule: tolls are paid before the gate opens. " * 120

os.environ["OTEL_EXPORTER"] = "otlp_http"
os.environ["OTEL_ENDPOINT"] = os.environ["OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"]
litellm.callbacks = ["otel"]
litellm.num_retries = 0


def ask(content, model="openai/gpt-4o-mini", system=None, **more):
    is_openai = model.startswith("openai/")
    base = os.environ["OPENAI_BASE_URL" if is_openai else "ANTHROPIC_BASE_URL"]
    messages = [{"role": "user", "content": content}]
    if system is not None:
        messages.insert(0, {"role": "system", "content": system})
    return litellm.completion(model=model, messages=messages, api_base=base, **more)


ask("How much is the toll?")
for question in ["First question.", "Second question."]:
    ask(question, model="openai/gpt-4o", system=LONG_SYSTEM)
ask("[think] Which gate is the cheapest?", model="openai/gpt-4o")
for _chunk in ask("Tell me of the gate.", stream=True, stream_options={"include_usage": True}):
    pass
cached = [{"type": "text", "text": LONG_SYSTEM, "cache_control": {"type": "ephemeral"}}]
CLAUDE = "anthropic/claude-haiku-4-5"
ask("How much is the toll?", model=CLAUDE, max_tokens=200)
ask("First question.", model=CLAUDE, max_tokens=200, system=cached)
ask("Second question.", model=CLAUDE, max_tokens=200, system=cached)
try:
    ask("This model is not there.", model="openai/gpt-unknown")
except litellm.exceptions.APIError:
    pass
except litellm.exceptions.NotFoundError:
    pass
# Its callbacks run in threads of their own.
litellm.logging.GLOBAL_LOGGING_WORKER.flush() if hasattr(litellm.logging, "GLOBAL_LOGGING_WORKER") else None
