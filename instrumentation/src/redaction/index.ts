/** What is found in text and taken out of it: pure, and one implementation for agents and for the processor. */
export { DETECTOR_NAMES } from "./detectors.ts";
export { createKeyedHash } from "./keyed-hash.ts";
export type { KeyedHash } from "./keyed-hash.ts";
export { patternDetector, patternDetectors } from "./pattern.ts";
export { ValueRules } from "./value-rules.ts";
export { Secret } from "./secret.ts";
