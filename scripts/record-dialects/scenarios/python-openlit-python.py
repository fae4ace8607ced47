"""OpenLIT around `openai` and `anthropic`."""

import anthropic
import openai
import openlit
from python_calls import call_anthropic, call_openai
from python_setup import start_tracing

provider = start_tracing()
openlit.init(service_name="dialect-agent", disable_metrics=True)
call_openai(openai.OpenAI(max_retries=0))
call_anthropic(anthropic.Anthropic(max_retries=0))
provider.shutdown()
