"""OpenInference's instrumentation of Haystack: its generators of chat and text, cached, streamed, in a pipeline."""

from openinference.instrumentation.haystack import HaystackInstrumentor
from python_calls import LONG_SYSTEM
from python_setup import start_tracing

provider = start_tracing()
HaystackInstrumentor().instrument(tracer_provider=provider)

from haystack import Pipeline  # noqa: E402
from haystack.components.generators.chat import OpenAIChatGenerator  # noqa: E402
from haystack.dataclasses import ChatMessage  # noqa: E402


def run(model, messages, **more):
    pipeline = Pipeline()
    pipeline.add_component("planner", OpenAIChatGenerator(model=model, max_retries=0, **more))
    return pipeline.run({"planner": {"messages": messages}})


run("gpt-4o-mini", [ChatMessage.from_user("How much is the toll?")])
for question in ["First question.", "Second question."]:
    run("gpt-4o", [ChatMessage.from_system(LONG_SYSTEM), ChatMessage.from_user(question)])
run("gpt-4o", [ChatMessage.from_user("[think] Which gate is the cheapest?")])
run(
    "gpt-4o-mini",
    [ChatMessage.from_user("Tell me of the gate.")],
    streaming_callback=lambda _chunk: None,
    generation_kwargs={"stream_options": {"include_usage": True}},
)
try:
    run("gpt-unknown", [ChatMessage.from_user("This model is not there.")])
except Exception:
    pass
provider.shutdown()
