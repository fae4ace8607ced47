/**
 * One small text that all processors of a fleet share, kept by the store that they share, and words between them. What is
 * written is as durable as the store; words may be lost, so whoever relies on them asks the record too.
 */
export interface SharedRecord {
  /** `undefined`: nobody has written one. Rejects when the store is away. */
  read(): Promise<{ readonly revision: number; readonly text: string } | undefined>;
  /** Puts `text` in its place if `after` (0: none) is still its revision. False when another was faster. Rejects when the store is away: then it is not known. */
  write(text: string, after: number): Promise<boolean>;
  /** Tells every processor, this one too; resolves to how many heard it. */
  say(message: string): Promise<number>;
  /** Returns the unsubscribe function. */
  onMessage(listener: (message: string) => void): () => void;
}
