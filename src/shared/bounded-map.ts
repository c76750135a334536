// A map with a limit, for keys that come from clients.

/** Sets an entry and returns its value. At the limit the oldest entry is dropped first. */
export function setBounded<Key, Value>(
  map: Map<Key, Value>,
  key: Key,
  value: Value,
  limit: number,
): Value {
  if (map.size >= limit) map.delete(map.keys().next().value!);
  map.set(key, value);
  return value;
}
