"""AutoGen's own spans: agents, a tool and a team, but none of its calls of models."""

import asyncio

from python_calls import LONG_SYSTEM
from python_setup import start_tracing

provider = start_tracing()
from autogen_agentchat.agents import AssistantAgent  # noqa: E402
from autogen_agentchat.conditions import MaxMessageTermination  # noqa: E402
from autogen_agentchat.teams import RoundRobinGroupChat  # noqa: E402
from autogen_ext.models.openai import OpenAIChatCompletionClient  # noqa: E402


async def order_lookup(order: str) -> str:
    """Looks an order up."""
    return "shipped"


def agent(model, **more):
    client = OpenAIChatCompletionClient(model=model, max_retries=0)
    return AssistantAgent("planner", model_client=client, **more)


async def main():
    await agent("gpt-4o", system_message=LONG_SYSTEM).run(task="First question.")
    await agent("gpt-4o-mini", tools=[order_lookup]).run(task="[tool] Where is my order?")
    team = RoundRobinGroupChat([agent("gpt-4o-mini")], termination_condition=MaxMessageTermination(2))
    await team.run(task="How much is the toll?")


asyncio.run(main())
provider.shutdown()
