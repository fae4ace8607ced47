"""OpenTelemetry's own instrumentation of Python's `openai`."""

import openai
from opentelemetry.instrumentation.openai_v2 import OpenAIInstrumentor
from python_calls import call_openai
from python_setup import start_tracing

provider = start_tracing()
OpenAIInstrumentor().instrument(tracer_provider=provider)
call_openai(openai.OpenAI(max_retries=0))
provider.shutdown()
