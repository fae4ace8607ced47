"""MLflow's autologging around `openai` and `anthropic`, inside an agent with a tool; the calls are those of python_calls.py."""

import anthropic
import mlflow
import openai
from mlflow.entities import SpanType
from python_calls import call_anthropic, call_openai

mlflow.openai.autolog()
mlflow.anthropic.autolog()


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
