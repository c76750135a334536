/** The few methods of consola (or of any logger) that the relay uses. */
export interface Log {
  /** consola's level, where the logger has one: below 4 a debug line is not even put together. */
  readonly level?: number;
  debug(message: string): void;
  info(message: string): void;
  warn(message: string): void;
  error(message: string): void;
}
