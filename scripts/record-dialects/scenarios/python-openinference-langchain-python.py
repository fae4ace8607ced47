"""OpenInference's instrumentation of LangChain in Python."""

from openinference.instrumentation.langchain import LangChainInstrumentor
from python_langchain import call_langchain
from python_setup import start_tracing

provider = start_tracing()
LangChainInstrumentor().instrument(tracer_provider=provider)
call_langchain()
provider.shutdown()
