"""OpenInference's instrumentation of smolagents: a model asked alone, whole and streamed, and an agent with a tool."""

import os

from openinference.instrumentation.smolagents import SmolagentsInstrumentor
from python_calls import LONG_SYSTEM
from python_setup import start_tracing

provider = start_tracing()
SmolagentsInstrumentor().instrument(tracer_provider=provider)

from smolagents import OpenAIModel, ToolCallingAgent, tool  # noqa: E402


def gpt(model):
    return OpenAIModel(model_id=model, api_base=os.environ["OPENAI_BASE_URL"], client_kwargs={"max_retries": 0})


@tool
def order_lookup(order: str) -> str:
    """Looks an order up.

    Args:
        order: Its number.
    """
    return "shipped"


def ask(model, text, system=None):
    messages = [{"role": "user", "content": [{"type": "text", "text": text}]}]
    if system is not None:
        messages.insert(0, {"role": "system", "content": [{"type": "text", "text": system}]})
    return gpt(model).generate(messages)


ask("gpt-4o-mini", "How much is the toll?")
for question in ["First question.", "Second question."]:
    ask("gpt-4o", question, LONG_SYSTEM)
for _delta in gpt("gpt-4o-mini").generate_stream([{"role": "user", "content": "Tell me of the gate."}]):
    pass
try:
    ToolCallingAgent(tools=[order_lookup], model=gpt("gpt-4o-mini"), name="planner", max_steps=2).run(
        "[tool] Where is my order?"
    )
except Exception:
    pass
try:
    ask("gpt-unknown", "This model is not there.")
except Exception:
    pass
provider.shutdown()
