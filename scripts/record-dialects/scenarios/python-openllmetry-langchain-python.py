"""OpenLLMetry's instrumentation of LangChain in Python."""

from opentelemetry.instrumentation.langchain import LangchainInstrumentor
from python_langchain import call_langchain
from python_setup import start_tracing

provider = start_tracing()
LangchainInstrumentor().instrument(tracer_provider=provider)
call_langchain()
provider.shutdown()
