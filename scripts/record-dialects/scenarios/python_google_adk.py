"""The calls of an agent of Google's Agent Development Kit, for its versions."""

import asyncio

from python_calls import LONG_SYSTEM
from python_setup import start_tracing

provider = start_tracing()
from google.adk.agents import Agent  # noqa: E402
from google.adk.runners import InMemoryRunner  # noqa: E402
from google.genai import errors, types  # noqa: E402

WHO = {"user_id": "user-9", "session_id": "session-7"}


def order_lookup(order: str) -> str:
    """Looks an order up."""
    return "shipped"


async def ask(text, model="gemini-2.5-flash", **more):
    runner = InMemoryRunner(agent=Agent(name="planner", model=model, **more), app_name="app")
    await runner.session_service.create_session(app_name="app", **WHO)
    message = types.Content(role="user", parts=[types.Part(text=text)])
    async for _event in runner.run_async(**WHO, new_message=message):
        pass


async def ask_all():
    await ask("How much is the toll?")
    for question in ["First question.", "Second question."]:
        await ask(question, instruction=LONG_SYSTEM)
    await ask("Where is my order?", tools=[order_lookup])
    try:
        await ask("This model is not there.", model="gemini-unknown")
    except errors.ClientError:
        pass


def main():
    asyncio.run(ask_all())
    provider.shutdown()
