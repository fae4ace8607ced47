"""OpenLLMetry's instrumentations of Python around `openai` and `anthropic`."""

import anthropic
import openai
from opentelemetry.instrumentation.anthropic import AnthropicInstrumentor
from opentelemetry.instrumentation.openai import OpenAIInstrumentor
from python_calls import call_anthropic, call_openai
from python_setup import start_tracing

provider = start_tracing()
OpenAIInstrumentor().instrument(tracer_provider=provider)
AnthropicInstrumentor().instrument(tracer_provider=provider)
call_openai(openai.OpenAI(max_retries=0))
# Its span of one that fails is beside the SDK's own, and nothing joins the two: both are told, with a cost that is `missing`.
call_anthropic(anthropic.Anthropic(max_retries=0), unknown=False)
provider.shutdown()
