"""OpenInference's instrumentation of Agno: OpenAI and Anthropic, cached, whole and streamed, with a tool."""

from openinference.instrumentation.agno import AgnoInstrumentor
from python_calls import LONG_SYSTEM
from python_setup import start_tracing

provider = start_tracing()
AgnoInstrumentor().instrument(tracer_provider=provider)

from agno.agent import Agent  # noqa: E402
from agno.models.anthropic import Claude  # noqa: E402
from agno.models.openai import OpenAIChat, OpenAIResponses  # noqa: E402


def order_lookup(order: str) -> str:
    """Looks an order up."""
    return "shipped"


def agent(model, **more):
    return Agent(name="planner", model=model, telemetry=False, user_id="user-9", session_id="session-7", **more)


def gpt(name):
    return OpenAIChat(id=name, max_retries=0)


def claude():
    return Claude(id="claude-haiku-4-5", max_tokens=200, cache_system_prompt=True)


agent(gpt("gpt-4o-mini")).run("How much is the toll?")
for question in ["First question.", "Second question."]:
    agent(gpt("gpt-4o"), system_message=LONG_SYSTEM).run(question)
for _event in agent(gpt("gpt-4o-mini")).run("Tell me of the gate.", stream=True):
    pass
agent(OpenAIResponses(id="gpt-4o-mini", max_retries=0)).run("[think] How long is the queue?")
agent(gpt("gpt-4o-mini"), tools=[order_lookup]).run("[tool] Where is my order?")
agent(claude()).run("How much is the toll?")
for question in ["First question.", "Second question."]:
    agent(claude(), system_message=LONG_SYSTEM).run(question)
for _event in agent(claude(), system_message=LONG_SYSTEM).run("Third question.", stream=True):
    pass
# Agno keeps the error to itself.
agent(gpt("gpt-unknown")).run("This model is not there.")
provider.shutdown()
