/** Which attributes are content is plain data, which receivers ask for as well: see src/pdata/content-keys.ts. */
export { isContentKey, isContentEvent, isEventContentKey } from "../../pdata/content-keys.ts";
