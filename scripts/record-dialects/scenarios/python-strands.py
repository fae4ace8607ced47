"""Strands Agents' own spans: OpenAI and Anthropic, cached, with a tool."""

import os

import openai
from python_calls import LONG_SYSTEM
from python_setup import start_tracing

provider = start_tracing()
from strands import Agent, tool  # noqa: E402
from strands.models.anthropic import AnthropicModel  # noqa: E402
from strands.models.openai import OpenAIModel  # noqa: E402

WHO = {"session.id": "session-7", "user.id": "user-9"}


def gpt(model_id):
    client = {"base_url": os.environ["OPENAI_BASE_URL"], "max_retries": 0}
    return OpenAIModel(client_args=client, model_id=model_id)


def claude():
    client = {"base_url": os.environ["ANTHROPIC_BASE_URL"], "max_retries": 0}
    return AnthropicModel(client_args=client, model_id="claude-haiku-4-5", max_tokens=200)


@tool
def order_lookup(order: str) -> str:
    """Looks an order up."""
    return "shipped"


def agent(model, **more):
    return Agent(name="planner", model=model, callback_handler=None, trace_attributes=WHO, **more)


agent(gpt("gpt-4o-mini"))("How much is the toll?")
for question in ["First question.", "Second question."]:
    agent(gpt("gpt-4o"), system_prompt=LONG_SYSTEM)(question)
agent(gpt("gpt-4o-mini"), tools=[order_lookup])("[tool] Where is my order?")
agent(claude())("How much is the toll?")
for question in ["First question.", "Second question."]:
    agent(claude(), system_prompt=[{"text": LONG_SYSTEM}, {"cachePoint": {"type": "default"}}])(question)
try:
    agent(gpt("gpt-unknown"))("This model is not there.")
except openai.APIError:
    pass
provider.shutdown()
