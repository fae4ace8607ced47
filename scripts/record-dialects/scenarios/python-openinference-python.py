"""OpenInference's instrumentations of Python around `openai` and `anthropic`."""

import anthropic
import openai
from openinference.instrumentation.anthropic import AnthropicInstrumentor
from openinference.instrumentation.openai import OpenAIInstrumentor
from python_calls import call_anthropic, call_openai
from python_setup import start_tracing

provider = start_tracing()
OpenAIInstrumentor().instrument(tracer_provider=provider)
AnthropicInstrumentor().instrument(tracer_provider=provider)
call_openai(openai.OpenAI(max_retries=0))
call_anthropic(anthropic.Anthropic(max_retries=0))
provider.shutdown()
