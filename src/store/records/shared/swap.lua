-- Changes one record if it is, byte for byte, what was judged; if not, it only tells what it is.
-- KEYS: as above, and the record. ARGV: what the store is to be; the record's place; the record as it was judged, empty for none; what
-- it becomes: `nothing` (and is only told), `in flight`, `done`, `unknown` or `free`; its bytes then; ms that it is kept; ms of a lease;
-- ms that what is unknown is kept; records at most.
-- Returns 0 found otherwise, 1 changed, 2 full, or 3 another store; the record that was found; whether its owner's lease is over; the tally.
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return {3, '', 0, 0, 0, 0, '0'} end
local found = redis.call('GET', KEYS[5]) or ''
local place, becomes = ARGV[2], ARGV[4]
if becomes == 'nothing' or found ~= ARGV[3] then
  local lease = redis.call('ZSCORE', KEYS[2], place)
  return {0, found, (lease and tonumber(lease) > now) and 0 or 1, tally()}
end
if becomes == 'free' then
  redis.call('DEL', KEYS[5])
else
  if found == '' then
    sweep(ARGV[8])
    local all = redis.call('ZCARD', KEYS[2]) + redis.call('ZCARD', KEYS[3]) + redis.call('ZCARD', KEYS[4])
    if all >= tonumber(ARGV[9]) then return {2, '', 0, tally()} end
  end
  -- The record first: where there is no more room, this fails and nothing was changed.
  redis.call('SET', KEYS[5], ARGV[5], 'PX', ARGV[6])
end
for index, state in ipairs({'in flight', 'done', 'unknown'}) do
  if becomes == state then
    local score = {now + ARGV[7], now + ARGV[6], now}
    redis.call('ZADD', KEYS[index + 1], ms(score[index]), place)
  else
    redis.call('ZREM', KEYS[index + 1], place)
  end
end
return {1, '', 0, tally()}
