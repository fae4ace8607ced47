/** Calls Gemini until the gate refuses, with the twin of `@google/genai` that its second argument names; prints `{calls, code}`. */
"use strict";

const { GoogleGenAI } = process.argv[3] === "esm" ? {} : require("@google/genai");

async function main() {
  const Client = GoogleGenAI ?? (await import("@google/genai")).GoogleGenAI;
  const client = new Client({ apiKey: "gemini", httpOptions: { baseUrl: process.argv[2] } });
  for (let calls = 0; ; calls += 1) {
    try {
      await client.models.generateContent({
        model: "gemini-2.5-flash",
        contents: "hi",
        config: { maxOutputTokens: 200 },
      });
    } catch (error) {
      process.stdout.write(JSON.stringify({ calls, code: error?.code ?? String(error) }));
      return;
    }
  }
}

void main();
