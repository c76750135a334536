/** The methods of consola (or any logger) that the relay uses. */
export interface Log {
  /** Level, a number from 0 (errors) to 5 (everything) as in consola: below 4 debug lines are not created. */
  readonly level?: number;
  debug(message: string): void;
  info(message: string): void;
  warn(message: string): void;
  error(message: string): void;
}
