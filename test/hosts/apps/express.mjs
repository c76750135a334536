import express from "express";
import { defineRelay } from "h3-relay/node";
import { optionsOf } from "./options.mjs";

const api = express.Router().use(
  "/ai",
  defineRelay(() => optionsOf(process.env)),
);
express().use("/deep", api).listen(Number(process.env.PORT), "127.0.0.1");
