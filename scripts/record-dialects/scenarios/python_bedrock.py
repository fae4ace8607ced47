"""The calls of bedrock-calls.mjs by boto3."""

import json
import os

from python_calls import LONG_SYSTEM

CLAUDE = "us.anthropic.claude-haiku-4-5-20251001-v1:0"


def call_bedrock():
    import boto3
    from botocore.config import Config

    client = boto3.client(
        "bedrock-runtime",
        region_name="us-east-1",
        endpoint_url=os.environ["ANTHROPIC_BASE_URL"],
        aws_access_key_id="key",
        aws_secret_access_key="secret",
        config=Config(retries={"max_attempts": 0}),
    )

    def converse(text, model=CLAUDE):
        return {
            "modelId": model,
            "messages": [{"role": "user", "content": [{"text": text}]}],
            "inferenceConfig": {"maxTokens": 200},
        }

    def invoke(content, **more):
        body = {
            "anthropic_version": "bedrock-2023-05-31",
            "max_tokens": 200,
            "messages": [{"role": "user", "content": content}],
            **more,
        }
        return {"modelId": CLAUDE, "contentType": "application/json", "body": json.dumps(body)}

    client.converse(**converse("How much is the toll?"))
    for _event in client.converse_stream(**converse("Tell me of the gate."))["stream"]:
        pass
    cached = {"system": [{"type": "text", "text": LONG_SYSTEM, "cache_control": {"type": "ephemeral"}}]}
    client.invoke_model(**invoke("How long is the queue?"))["body"].read()
    client.invoke_model(**invoke("First question.", **cached))["body"].read()
    client.invoke_model(**invoke("Second question.", **cached))["body"].read()
    for _event in client.invoke_model_with_response_stream(**invoke("Tell me of the queue."))["body"]:
        pass
    try:
        client.converse(**converse("This model is not there.", "unknown.model-v1:0"))
    except Exception:
        pass
