// Runs checks of the newest clients for a parent process: { id, client, check, target } in, { id, seen } out.
import Anthropic from "@anthropic-ai/sdk";
import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import { GoogleGenAI } from "@google/genai";
import { generateText, streamText } from "ai";
import OpenAI from "openai";
import { allChecks } from "../../clients/checks/index.ts";

globalThis.AI_SDK_LOG_WARNINGS = false;
const ai = { createOpenAICompatible, generateText, streamText };
const checks = allChecks({ OpenAI, Anthropic, GoogleGenAI, ai });

process.on("message", async ({ id, client, check, target }) => {
  try {
    process.send({ id, seen: await checks[client][check](target) });
  } catch (error) {
    process.send({ id, fault: error.stack });
  }
});
process.on("disconnect", () => process.exit(0));
process.send({ ready: process.version });
