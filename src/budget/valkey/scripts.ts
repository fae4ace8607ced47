/**
 * The Lua that runs in the store: each script is one atomic step, and all its keys carry one hash tag, so that they lie in
 * one slot of a cluster. No script ever looks at money: what is in an entry is text to the store. Numbers in here are
 * revisions, bytes and milliseconds, far below 2^53.
 *
 * Keys: head (hash), log (stream; entry of revision r has the id `r-0`), turns (sorted set of replicas that wait), said
 * (sharded channel). `now` is the ledger's time: the server's clock, carried on where that clock is set back (`offset`).
 */
export type ScriptName = "enter" | "append" | "release" | "ping" | "read" | "adopt" | "record";

/** No replica spoke to the store for longer than this: time in which no lease could be renewed, to be made good. */
export const GAP_MS = 3_000;
/** How long a turn that was handed over waits to be taken up. */
export const HANDOVER_MS = 500;

const BEGIN = `
local head, log, turns, said = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local h = redis.call('HMGET', head, 'epoch', 'rev', 'seen', 'offset', 'gap', 'turn', 'until', 'snap', 'snap_rev', 'bytes', 'snap_bytes', 'last')
local epoch, rev = h[1] or '', tonumber(h[2] or 0)
`;

const TIME = `
local t = redis.call('TIME')
local seen, offset, gap = tonumber(h[3] or 0), tonumber(h[4] or 0), tonumber(h[5] or 0)
local now = t[1] * 1000 + math.floor(t[2] / 1000) + offset
if now < seen then
  redis.call('HSET', head, 'offset', offset + seen - now)
  now = seen
elseif seen > 0 and now - seen > ${GAP_MS} then
  gap = gap + now - seen
  redis.call('HSET', head, 'gap', gap)
end
redis.call('HSET', head, 'seen', now)
`;

const HAND_OVER = `
local waiting = redis.call('ZPOPMIN', turns)
local nextTurn = waiting[1] or ''
redis.call('HSET', head, 'turn', nextTurn, 'until', now + ${HANDOVER_MS})
if nextTurn ~= '' then redis.call('SPUBLISH', said, 'turn ' .. nextTurn) end
`;

export const SCRIPTS: Readonly<Record<ScriptName, string>> = {
  /** me, rev, turn ms, entries at most, epoch to begin with → [has the turn, now, gap, epoch, rev, snap rev, turn's rest, entries] */
  enter: `${BEGIN}${TIME}
local me, known = ARGV[1], tonumber(ARGV[2])
if epoch == '' then
  epoch = ARGV[5]
  redis.call('HSET', head, 'epoch', epoch, 'rev', 0)
end
local entries = redis.call('XRANGE', log, '(' .. ARGV[2] .. '-0', '+', 'COUNT', ARGV[4])
local holder, untilMs = h[6] or '', tonumber(h[7] or 0)
local rest = untilMs - now
if holder ~= '' and holder ~= me and rest > 0 then
  redis.call('ZADD', turns, 'NX', now, me)
  redis.call('SPUBLISH', said, 'wanted ' .. me)
  return {0, now, gap, epoch, rev, tonumber(h[9] or 0), rest, entries}
end
redis.call('ZREM', turns, me)
redis.call('HSET', head, 'turn', me, 'until', now + tonumber(ARGV[3]))
return {1, now, gap, epoch, rev, tonumber(h[9] or 0), tonumber(ARGV[3]), entries}`,

  /** me, epoch, rev, id, id before, payload, gap made good, turn ms, waits → [appended, now, gap, keeps the turn, bytes since the snapshot, bytes] */
  append: `${BEGIN}${TIME}
local me, untilMs = ARGV[1], tonumber(h[7] or 0)
local holder = h[6] or ''
if epoch ~= ARGV[2] or rev ~= tonumber(ARGV[3]) or (h[12] or '') ~= ARGV[5] or (holder ~= me and holder ~= '' and untilMs > now) then
  return {0, now, gap, 0, 0, 0}
end
rev = rev + 1
redis.call('XADD', log, rev .. '-0', 'id', ARGV[4], 'before', ARGV[5], 'events', ARGV[6], 'waits', ARGV[9])
local bytes = redis.call('HINCRBY', head, 'bytes', #ARGV[6])
if tonumber(ARGV[7]) > 0 then gap = redis.call('HINCRBY', head, 'gap', -tonumber(ARGV[7])) end
redis.call('HSET', head, 'rev', rev, 'last', ARGV[4])
${HAND_OVER}
local keeps = 0
if nextTurn == '' then
  redis.call('HSET', head, 'turn', me, 'until', now + tonumber(ARGV[8]))
  keeps = 1
end
redis.call('SPUBLISH', said, 'rev ' .. me)
return {1, now, gap, keeps, bytes - tonumber(h[11] or 0), bytes}`,

  /** me → [now, gap] */
  release: `${BEGIN}${TIME}
if h[6] == ARGV[1] then
${HAND_OVER}
end
redis.call('ZREM', turns, ARGV[1])
return {now, gap}`,

  /** → [now, gap, epoch, rev] */
  ping: `${BEGIN}${TIME}
return {now, gap, epoch, rev}`,

  /** rev, entries at most → [now, gap, epoch, rev, snap rev, snap, entries]. Writes nothing, so that no disk is waited for; what is to be made good is told all the same. */
  read: `${BEGIN}
local t = redis.call('TIME')
local seen, gap = tonumber(h[3] or 0), tonumber(h[5] or 0)
local now = math.max(seen, t[1] * 1000 + math.floor(t[2] / 1000) + tonumber(h[4] or 0))
if seen > 0 and now - seen > ${GAP_MS} then gap = gap + now - seen end
local entries = redis.call('XRANGE', log, '(' .. ARGV[1] .. '-0', '+', 'COUNT', ARGV[2])
return {now, gap, epoch, rev, tonumber(h[9] or 0), h[8] or '', entries}`,

  /** epoch, rev, bytes; keys 5 and 6: the new snapshot, and the one in force (the same key again: none) → [adopted] */
  adopt: `${BEGIN}
local former = KEYS[6] ~= KEYS[5] and KEYS[6] or ''
if epoch ~= ARGV[1] or (h[8] or '') ~= former then return {0} end
if tonumber(ARGV[2]) <= tonumber(h[9] or 0) or redis.call('PERSIST', KEYS[5]) == 0 then return {0} end
redis.call('HSET', head, 'snap', KEYS[5], 'snap_rev', ARGV[2], 'snap_bytes', ARGV[3])
redis.call('XTRIM', log, 'MINID', '=', (tonumber(ARGV[2]) + 1) .. '-0')
if former ~= '' then redis.call('UNLINK', former) end
return {1}`,

  /** text, revision before; key 5: the record → [written] */
  record: `
local rev = tonumber(redis.call('HGET', KEYS[5], 'rev') or 0)
if rev ~= tonumber(ARGV[2]) then return {0} end
redis.call('HSET', KEYS[5], 'rev', rev + 1, 'text', ARGV[1])
return {1}`,
};
