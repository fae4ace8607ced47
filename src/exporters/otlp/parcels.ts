/** Requests of several blocks that go to the backend as one. */
import type { StoredBlock } from "../../pipeline/spool/block-store.ts";
import type { OtlpRequest, RequestBounds } from "./requests.ts";

/** A block on its way. */
export interface PendingBlock {
  readonly stored: StoredBlock;
  /** Its requests without an answer. */
  left: number;
  /** Its items that end here, by reason. */
  readonly dropped: Record<string, number>;
}

/** One request of a block. */
export interface Part {
  readonly request: OtlpRequest;
  readonly block: PendingBlock;
}

/** Which parts go together: neighbours, within the bounds of one request. */
export function inParcels(parts: readonly Part[], bounds: RequestBounds): readonly (readonly Part[])[] {
  const parcels: Part[][] = [];
  let parcel: Part[] = [];
  let items = 0;
  let bytes = 0;
  for (const part of parts) {
    const { itemCount, body } = part.request;
    const isOver = items + itemCount > bounds.itemsMax || bytes + body.length > bounds.bytesMax;
    if (parcel.length === 0 || isOver || !canFollow(parcel, part)) {
      parcel = [];
      parcels.push(parcel);
      items = 0;
      bytes = 0;
    }
    parcel.push(part);
    items += itemCount;
    bytes += body.length;
  }
  return parcels;
}

/** The parts as one request: protobuf messages one after the other are one message with the fields of all. */
export function joined(parts: readonly Part[]): OtlpRequest {
  const [first, ...others] = parts.map(({ request }) => request);
  if (first === undefined) throw new TypeError("a parcel without parts");
  if (others.length === 0) return first;
  const requests = [first, ...others];
  return {
    encoding: first.encoding,
    itemCount: requests.reduce((sum, { itemCount }) => sum + itemCount, 0),
    body: Buffer.concat(requests.map(({ body }) => body)),
  };
}

/** JSON texts one after the other are no text: they go side by side only. */
function canFollow(parcel: readonly Part[], { request }: Part): boolean {
  return request.encoding === "protobuf" && parcel[0]?.request.encoding === "protobuf";
}
