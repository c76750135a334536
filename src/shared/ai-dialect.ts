// Which dialects are those of AI APIs: the relay can tell payload from comments and lifecycle events in their answers.
import type { Dialect } from "../contract/dialect.ts";

/** True for every dialect but `generic`, whose answers may be anything: a feed that sends only pings is healthy there. */
export function isAIDialect({ name }: Pick<Dialect, "name">): boolean {
  return name !== "generic";
}
