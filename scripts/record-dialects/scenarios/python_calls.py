"""The calls of calls.mjs, for scenarios of Python. The SDKs are imported where they are called: not all scenarios have both."""

LONG_SYSTEM = "Rule: tolls are paid before the gate opens. " * 120


def call_openai(client):
    import openai

    def chat(content, model="gpt-4o-mini", **more):
        return client.chat.completions.create(model=model, messages=[{"role": "user", "content": content}], **more)

    chat("How much is the toll?")
    for question in ["First question.", "Second question."]:
        client.chat.completions.create(
            model="gpt-4o",
            messages=[{"role": "system", "content": LONG_SYSTEM}, {"role": "user", "content": question}],
        )
    chat("[think] Which gate is the cheapest?", model="gpt-4o")
    for _chunk in chat("Tell me of the gate.", stream=True, stream_options={"include_usage": True}):
        pass
    client.responses.create(model="gpt-4o-mini", input="[think] How long is the queue?")
    try:
        chat("This model is not there.", model="gpt-unknown")
    except openai.APIError:
        pass


def call_anthropic(client, unknown=True):
    import anthropic

    system = [{"type": "text", "text": LONG_SYSTEM, "cache_control": {"type": "ephemeral"}}]

    def ask(content, model="claude-haiku-4-5", **more):
        messages = [{"role": "user", "content": content}]
        return client.messages.create(model=model, max_tokens=200, messages=messages, **more)

    ask("How much is the toll?")
    ask("First question.", system=system)
    ask("Second question.", system=system)
    for _event in ask("Third question.", system=system, stream=True):
        pass
    if not unknown:
        return
    try:
        ask("This model is not there.", model="claude-unknown")
    except anthropic.APIError:
        pass
