import Anthropic from "@anthropic-ai/sdk";
import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import { GoogleGenAI } from "@google/genai";
import { generateText, streamText } from "ai";
import OpenAI from "openai";
import { allChecks } from "./checks/index.ts";
import { clientsContract } from "./contract.ts";

(globalThis as { AI_SDK_LOG_WARNINGS?: boolean }).AI_SDK_LOG_WARNINGS = false;

const ai = { createOpenAICompatible, generateText, streamText };
const checks = allChecks({ OpenAI, Anthropic, GoogleGenAI, ai });

clientsContract("clients installed here", async () => ({
  run: (client, check, target) => checks[client][check]!(target),
  close() {},
}));
