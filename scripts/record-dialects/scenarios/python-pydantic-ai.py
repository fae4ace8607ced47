"""Pydantic AI's own instrumentation: an agent with a tool, whole and streamed, OpenAI and Anthropic."""

import asyncio

from pydantic_ai import Agent
from pydantic_ai.models.instrumented import InstrumentationSettings
from python_calls import LONG_SYSTEM
from python_setup import start_tracing

provider = start_tracing()
Agent.instrument_all(InstrumentationSettings(tracer_provider=provider))


def agent_of(model, **more):
    return Agent(model, name="planner", retries=0, **more)


async def main():
    plain = agent_of("openai-chat:gpt-4o-mini")
    await plain.run("How much is the toll?", conversation_id="session-7")
    long = agent_of("openai-chat:gpt-4o", system_prompt=LONG_SYSTEM)
    await long.run("First question.", conversation_id="session-7")
    await long.run("Second question.", conversation_id="session-7")
    await agent_of("openai-chat:gpt-4o").run("[think] Which gate is the cheapest?", conversation_id="session-7")
    async with plain.run_stream("Tell me of the gate.", conversation_id="session-7") as stream:
        await stream.get_output()
    with_tool = agent_of("openai-chat:gpt-4o-mini")

    @with_tool.tool_plain
    def order_lookup(order: str) -> str:
        return "shipped"

    await with_tool.run("[tool] Where is my order?", conversation_id="session-7")
    await agent_of("anthropic:claude-haiku-4-5").run("How much is the toll?", conversation_id="session-7")
    try:
        await agent_of("openai-chat:gpt-unknown").run("This model is not there.", conversation_id="session-7")
    except Exception:
        pass


asyncio.run(main())
provider.shutdown()
