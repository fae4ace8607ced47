"""OpenTelemetry's instrumentation of botocore."""

from opentelemetry.instrumentation.botocore import BotocoreInstrumentor
from python_bedrock import call_bedrock
from python_setup import start_tracing

provider = start_tracing()
BotocoreInstrumentor().instrument(tracer_provider=provider)
call_bedrock()
provider.shutdown()
