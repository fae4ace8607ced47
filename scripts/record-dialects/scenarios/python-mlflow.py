"""MLflow's autologging around `openai` and `anthropic`, inside an agent with a tool; the calls are those of calls.mjs."""

import os

import anthropic
import mlflow
import openai
from mlflow.entities import SpanType

LONG_SYSTEM = "Rule: tolls are paid before the gate opens. " * 120

mlflow.openai.autolog()
mlflow.anthropic.autolog()


def call_openai(client):
    def chat(content, model="gpt-4o-mini", **more):
        return client.chat.completions.create(model=model, messages=[{"role": "user", "content": content}], **more)

    chat("How much is the toll?")
    for question in ["First question.", "Second question."]:
        client.chat.completions.create(
            model="gpt-4o",
            messages=[{"role": "system", "content": LONG_SYSTEM}, {"role": "user", "content": question}],
        )
    chat("[think] Which gate is the cheapest?", model="gpt-4o")
    for _chunk in chat("Tell me of the gate.", stream=True, stream_options={"include_usage": True}):
        pass
    client.responses.create(model="gpt-4o-mini", input="[think] How long is the queue?")
    try:
        chat("This model is not there.", model="gpt-unknown")
    except openai.APIError:
        pass


def call_anthropic(client):
    system = [{"type": "text", "text": LONG_SYSTEM, "cache_control": {"type": "ephemeral"}}]

    def ask(content, model="claude-haiku-4-5", **more):
        messages = [{"role": "user", "content": content}]
        return client.messages.create(model=model, max_tokens=200, messages=messages, **more)

    ask("How much is the toll?")
    ask("First question.", system=system)
    ask("Second question.", system=system)
    for _event in ask("Third question.", system=system, stream=True):
        pass
    try:
        ask("This model is not there.", model="claude-unknown")
    except anthropic.APIError:
        pass


@mlflow.trace(name="look_up", span_type=SpanType.TOOL)
def look_up(gate):
    return f"{gate} is open"


@mlflow.trace(name="planner", span_type=SpanType.AGENT)
def planner():
    mlflow.update_current_trace(session_id="session-7", user="user-9")
    look_up("north")
    call_openai(openai.OpenAI(max_retries=0))
    call_anthropic(anthropic.Anthropic(max_retries=0))


planner()
mlflow.flush_trace_async_logging()
