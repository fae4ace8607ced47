"""OpenLLMetry's instrumentation of Bedrock in Python."""

from opentelemetry.instrumentation.bedrock import BedrockInstrumentor
from python_bedrock import call_bedrock
from python_setup import start_tracing

provider = start_tracing()
BedrockInstrumentor().instrument(tracer_provider=provider)
call_bedrock()
provider.shutdown()
