"""OpenInference's instrumentation of LlamaIndex in Python: chat, completion, stream, an agent with a tool, OpenAI and Anthropic."""

import asyncio
import os

from openinference.instrumentation.llama_index import LlamaIndexInstrumentor
from python_calls import LONG_SYSTEM
from python_setup import start_tracing

provider = start_tracing()
LlamaIndexInstrumentor().instrument(tracer_provider=provider)

from llama_index.core.agent.workflow import FunctionAgent  # noqa: E402
from llama_index.core.llms import ChatMessage  # noqa: E402
from llama_index.core.tools import FunctionTool  # noqa: E402
from llama_index.llms.anthropic import Anthropic  # noqa: E402
from llama_index.llms.openai import OpenAI  # noqa: E402


def gpt(model):
    return OpenAI(model=model, max_retries=0, api_base=os.environ["OPENAI_BASE_URL"])


def claude():
    return Anthropic(model="claude-haiku-4-5", max_tokens=200, base_url=os.environ["ANTHROPIC_BASE_URL"])


def of_user(text):
    return ChatMessage(role="user", content=text)


def order_lookup(order: str) -> str:
    """Looks an order up."""
    return "shipped"


gpt("gpt-4o-mini").chat([of_user("How much is the toll?")])
for question in ["First question.", "Second question."]:
    gpt("gpt-4o").chat([ChatMessage(role="system", content=LONG_SYSTEM), of_user(question)])
gpt("gpt-4o").complete("[think] Which gate is the cheapest?")
for _chunk in gpt("gpt-4o-mini").stream_chat([of_user("Tell me of the gate.")]):
    pass
claude().chat([of_user("How much is the toll?")])


async def ask():
    agent = FunctionAgent(
        name="planner",
        tools=[FunctionTool.from_defaults(order_lookup)],
        llm=gpt("gpt-4o-mini"),
        streaming=False,
    )
    await agent.run("[tool] Where is my order?")


asyncio.run(ask())
try:
    gpt("gpt-4o").chat([of_user("This model is not there.")], model="gpt-unknown")
except Exception:
    pass
provider.shutdown()
