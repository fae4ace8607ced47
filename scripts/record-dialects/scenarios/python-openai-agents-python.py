"""OpenInference's instrumentation of OpenAI's Agents of Python: chat completions and responses, whole and streamed."""

import asyncio

import openai
from agents import Agent, OpenAIChatCompletionsModel, OpenAIResponsesModel, Runner, function_tool
from openinference.instrumentation.openai_agents import OpenAIAgentsInstrumentor
from python_calls import LONG_SYSTEM
from python_setup import start_tracing

provider = start_tracing()
OpenAIAgentsInstrumentor().instrument(tracer_provider=provider)
client = openai.AsyncOpenAI(max_retries=0)


@function_tool
def order_lookup(order: str) -> str:
    """Looks an order up."""
    return "shipped"


async def ask_all(make):
    def agent(model, **more):
        return Agent(name="planner", model=make(model=model, openai_client=client), **more)

    await Runner.run(agent("gpt-4o-mini"), "How much is the toll?")
    for question in ["First question.", "Second question."]:
        await Runner.run(agent("gpt-4o", instructions=LONG_SYSTEM), question)
    await Runner.run(agent("gpt-4o"), "[think] Which gate is the cheapest?")
    async for _event in Runner.run_streamed(agent("gpt-4o-mini"), "Tell me of the gate.").stream_events():
        pass
    await Runner.run(agent("gpt-4o-mini", tools=[order_lookup]), "[tool] Where is my order?")
    try:
        await Runner.run(agent("gpt-unknown"), "This model is not there.")
    except openai.APIError:
        pass


async def main():
    await ask_all(OpenAIChatCompletionsModel)
    await ask_all(OpenAIResponsesModel)


asyncio.run(main())
provider.shutdown()
