"""LangChain's calls of OpenAI and Anthropic in Python, for scenarios that differ in who tells of them."""

import os

from python_calls import LONG_SYSTEM


def call_langchain():
    from langchain_anthropic import ChatAnthropic
    from langchain_core.messages import HumanMessage, SystemMessage
    from langchain_openai import ChatOpenAI

    def gpt(model, **more):
        return ChatOpenAI(model=model, max_retries=0, **more)

    def claude(model="claude-haiku-4-5"):
        url = os.environ["ANTHROPIC_BASE_URL"]
        return ChatAnthropic(model=model, max_tokens=200, max_retries=0, base_url=url)

    gpt("gpt-4o-mini").invoke("How much is the toll?")
    for question in ["First question.", "Second question."]:
        gpt("gpt-4o").invoke([SystemMessage(LONG_SYSTEM), HumanMessage(question)])
    gpt("gpt-4o").invoke("[think] Which gate is the cheapest?")
    for _chunk in gpt("gpt-4o-mini", stream_usage=True).stream("Tell me of the gate."):
        pass
    gpt("gpt-4o-mini", use_responses_api=True).invoke("[think] How long is the queue?")
    cached = [{"type": "text", "text": LONG_SYSTEM, "cache_control": {"type": "ephemeral"}}]
    claude().invoke("How much is the toll?")
    for question in ["First question.", "Second question."]:
        claude().invoke([SystemMessage(cached), HumanMessage(question)])
    for _chunk in claude().stream([SystemMessage(cached), HumanMessage("Third question.")]):
        pass
    try:
        gpt("gpt-unknown").invoke("This model is not there.")
    except Exception:
        pass
