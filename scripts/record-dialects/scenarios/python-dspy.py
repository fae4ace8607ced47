"""OpenInference's instrumentation of DSPy, which calls models through LiteLLM: a model asked alone, cached, and in a module."""

from openinference.instrumentation.dspy import DSPyInstrumentor
from python_calls import LONG_SYSTEM
from python_setup import start_tracing

provider = start_tracing()
DSPyInstrumentor().instrument(tracer_provider=provider)

import dspy  # noqa: E402


def lm(name, **more):
    return dspy.LM(name, cache=False, num_retries=0, **more)


lm("openai/gpt-4o-mini")("How much is the toll?")
for question in ["First question.", "Second question."]:
    lm("openai/gpt-4o")(
        messages=[{"role": "system", "content": LONG_SYSTEM}, {"role": "user", "content": question}]
    )
lm("openai/gpt-4o")("[think] Which gate is the cheapest?")
lm("anthropic/claude-haiku-4-5", max_tokens=200)("How much is the toll?")
try:
    lm("openai/gpt-unknown")("This model is not there.")
except Exception:
    pass
provider.shutdown()
