// Maps whose keys come from outside and have no end.

/** Sets `key`. For a new key in a map of `limit` entries the entry that was added first is removed. Returns `value`. */
export function setBounded<Key, Value>(
  map: Map<Key, Value>,
  key: Key,
  value: Value,
  limit: number,
): Value {
  if (map.size >= limit && !map.has(key)) map.delete(map.keys().next().value!);
  map.set(key, value);
  return value;
}
