/** How much the engine may allocate for all its queries together. */
import { totalmem } from "node:os";

const SHARE = 0.5;
const BYTES_MIN = 512 * 1024 * 1024;

/**
 * Half of what this process may use: the cgroup's limit, if there is one, else the machine's memory. The other half is for
 * the library's own pages, the processor, and the page cache that the data is read through.
 */
export function defaultMemoryBytes(limits: MemoryLimits = ownLimits()): number {
  const { constrainedBytes, totalBytes } = limits;
  const isConstrained = constrainedBytes > 0 && constrainedBytes < totalBytes;
  return Math.max(BYTES_MIN, Math.floor((isConstrained ? constrainedBytes : totalBytes) * SHARE));
}

/** What {@link defaultMemoryBytes} decides on. */
export interface MemoryLimits {
  /** Of the cgroup; 0, or more than there is, where there is none. */
  readonly constrainedBytes: number;
  readonly totalBytes: number;
}

function ownLimits(): MemoryLimits {
  return { constrainedBytes: process.constrainedMemory(), totalBytes: totalmem() };
}
