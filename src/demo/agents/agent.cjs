/** An agent of the demo's fleet as a CommonJS script: loads the CommonJS twins of the SDKs. Its plan is its one argument, as JSON. */
"use strict";

const Anthropic = require("@anthropic-ai/sdk");
const { guardTool } = require("@tollgate/instrumentation");
const OpenAI = require("openai");

const { runCallers } = require("./run-callers.cjs");

void runCallers({ OpenAI, Anthropic, guardTool }, JSON.parse(process.argv[2] ?? "{}"));
