// Turns body bytes into socket bytes: content encoding and splitting.
import type { Behaviour } from "./behaviour.ts";
import { createEncoder } from "./encoder.ts";
import type { Exchange } from "./exchange.ts";

/** Each method resolves with `false` when the call has ended. */
export interface Wire {
  write(bytes: Buffer): Promise<boolean>;
  /** Writes the bytes that the encoder still holds. The response itself stays open. */
  close(): Promise<boolean>;
}

/** Creates the wire of one body. */
export function createWire(exchange: Exchange, behaviour: Behaviour): Wire {
  const send = createSplitter(exchange, behaviour);
  const encoder = behaviour.encoding === undefined ? undefined : createEncoder(behaviour.encoding);
  return {
    async write(bytes) {
      exchange.call.keep(bytes);
      return send(encoder === undefined ? bytes : await encoder.encode(bytes));
    },
    close: async () => (encoder === undefined ? true : send(await encoder.finish())),
  };
}

function createSplitter(
  exchange: Exchange,
  { split, splitInterval = 0 }: Behaviour,
): (bytes: Buffer) => Promise<boolean> {
  if (split === undefined) return async (bytes) => bytes.length === 0 || exchange.write(bytes);
  let position = 0;
  return async (bytes) => {
    for (const piece of piecesOf(bytes, split, position)) {
      if (!(await exchange.write(piece))) return false;
      if (splitInterval > 0 && !(await exchange.wait(splitInterval))) return false;
    }
    position += bytes.length;
    return true;
  };
}

// Offsets are counted from the start of the body; sizes from the start of each write.
function* piecesOf(
  bytes: Buffer,
  split: number | readonly number[],
  position: number,
): Generator<Buffer> {
  if (typeof split === "number") {
    for (let at = 0; at < bytes.length; at += split) yield bytes.subarray(at, at + split);
    return;
  }
  let from = 0;
  for (const offset of split) {
    const at = offset - position;
    if (at <= from || at >= bytes.length) continue;
    yield bytes.subarray(from, at);
    from = at;
  }
  yield bytes.subarray(from);
}
