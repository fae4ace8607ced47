"""Semantic Kernel's own spans: an agent with a tool, whole and streamed."""

import asyncio
import os

os.environ["SEMANTICKERNEL_EXPERIMENTAL_GENAI_ENABLE_OTEL_DIAGNOSTICS"] = "true"

from openai import AsyncOpenAI  # noqa: E402
from python_calls import LONG_SYSTEM  # noqa: E402
from python_setup import start_tracing  # noqa: E402

provider = start_tracing()
from semantic_kernel.agents import ChatCompletionAgent  # noqa: E402
from semantic_kernel.connectors.ai.open_ai import OpenAIChatCompletion  # noqa: E402
from semantic_kernel.exceptions import ServiceResponseException  # noqa: E402
from semantic_kernel.functions import kernel_function  # noqa: E402

client = AsyncOpenAI(max_retries=0)


class Orders:
    @kernel_function(description="Looks an order up.")
    def order_lookup(self, order: str) -> str:
        return "shipped"


def agent(model, **more):
    service = OpenAIChatCompletion(ai_model_id=model, async_client=client)
    return ChatCompletionAgent(name="planner", service=service, **more)


async def main():
    await agent("gpt-4o-mini").get_response("How much is the toll?")
    for question in ["First question.", "Second question."]:
        await agent("gpt-4o", instructions=LONG_SYSTEM).get_response(question)
    await agent("gpt-4o").get_response("[think] Which gate is the cheapest?")
    async for _chunk in agent("gpt-4o-mini").invoke_stream("Tell me of the gate."):
        pass
    await agent("gpt-4o-mini", plugins=[Orders()]).get_response("[tool] Where is my order?")
    try:
        await agent("gpt-unknown").get_response("This model is not there.")
    except ServiceResponseException:
        pass


asyncio.run(main())
provider.shutdown()
