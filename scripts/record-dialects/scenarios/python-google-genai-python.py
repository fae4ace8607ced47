"""OpenTelemetry's own instrumentation of Python's `google-genai`."""

from google import genai
from google.genai import errors, types
from opentelemetry.instrumentation.google_genai import GoogleGenAiSdkInstrumentor
from python_calls import LONG_SYSTEM
from python_setup import start_tracing

provider = start_tracing()
GoogleGenAiSdkInstrumentor().instrument(tracer_provider=provider)
# Whoever lets go of it closes it.
client = genai.Client()


def ask(text, model="gemini-2.5-flash", **config):
    return client.models.generate_content(model=model, contents=text, config=types.GenerateContentConfig(**config))


ask("How much is the toll?")
for question in ["First question.", "Second question."]:
    ask(question, system_instruction=LONG_SYSTEM)
for _chunk in client.models.generate_content_stream(model="gemini-2.5-flash", contents="Tell me of the gate."):
    pass
client.models.embed_content(model="gemini-embedding-001", contents="How much is the toll?")
try:
    ask("This model is not there.", model="gemini-unknown")
except errors.ClientError:
    pass
provider.shutdown()
