/**
 * The Lua behind tables that processors share (store-table.ts), beside the ledger's own scripts and under their rules: each is one
 * atomic step, its keys carry the ledger's hash tag, and what is in a row is text to the store.
 */
export type TableScriptName = "put" | "drop" | "changes";

export const TABLE_SCRIPTS: Readonly<Record<TableScriptName, string>> = {
  /** table, id, revision, text, revision before, slot, the slot's holder before, epoch to begin with; keys from 5: rows, order, slots, mark → [written] */
  put: `
local kept = redis.call('HGET', KEYS[5], ARGV[2])
local rev = kept and tonumber(string.match(kept, '^%d+')) or 0
if rev ~= tonumber(ARGV[5]) then return {0} end
if ARGV[6] ~= '' then
  local holder = redis.call('HGET', KEYS[7], ARGV[6])
  if holder and holder ~= ARGV[7] and holder ~= ARGV[2] and redis.call('HEXISTS', KEYS[5], holder) == 1 then return {0} end
  redis.call('HSET', KEYS[7], ARGV[6], ARGV[2])
end
redis.call('HSETNX', KEYS[8], 'epoch', ARGV[8])
redis.call('HSET', KEYS[5], ARGV[2], ARGV[3] .. ' ' .. ARGV[4])
redis.call('ZADD', KEYS[6], redis.call('HINCRBY', KEYS[8], 'seq', 1), ARGV[2])
redis.call('SPUBLISH', KEYS[4], 'table ' .. ARGV[1])
return {1}`,

  /** id, revision, slot; keys as of put → [dropped] */
  drop: `
local kept = redis.call('HGET', KEYS[5], ARGV[1])
if not kept or string.match(kept, '^%d+') ~= ARGV[2] then return {0} end
redis.call('HDEL', KEYS[5], ARGV[1])
redis.call('ZREM', KEYS[6], ARGV[1])
if ARGV[3] ~= '' and redis.call('HGET', KEYS[7], ARGV[3]) == ARGV[1] then redis.call('HDEL', KEYS[7], ARGV[3]) end
return {1}`,

  /** epoch, seq, rows at most; keys as of put → [epoch, seq, is whole, seq read to, rows: id and text in turns]. Writes nothing. */
  changes: `
local m = redis.call('HMGET', KEYS[8], 'epoch', 'seq')
local epoch, seq, since, whole = m[1] or '', tonumber(m[2] or 0), tonumber(ARGV[2]), 0
if epoch == '' or epoch ~= ARGV[1] or seq < since then since, whole = 0, 1 end
local found = redis.call('ZRANGEBYSCORE', KEYS[6], '(' .. since, '+inf', 'WITHSCORES', 'LIMIT', 0, ARGV[3])
local rows, last = {}, seq
for i = 1, #found, 2 do
  rows[i], rows[i + 1] = found[i], redis.call('HGET', KEYS[5], found[i])
  if #found >= 2 * tonumber(ARGV[3]) then last = tonumber(found[i + 1]) end
end
return {epoch, seq, whole, last, rows}`,
};
