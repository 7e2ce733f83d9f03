-- What every script about records begins with.
-- KEYS: what the store is; places in flight, by the end of their lease; done, by when they go; unknown, by since when.
local clock = redis.call('TIME')
-- Time is Redis' own, so that replicas whose clocks differ agree on whose lease is over.
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
local function ms(number) return string.format('%.0f', number) end

-- Returns how many records are in flight, done and unknown, and since when the oldest of those is; zero: there is none.
-- What is in flight and has no lease any more is unknown, though nobody may have written that down yet.
local function tally()
  local lapsed = redis.call('ZRANGE', KEYS[2], 0, 0, 'WITHSCORES')[2]
  local unknown = redis.call('ZRANGE', KEYS[4], 0, 0, 'WITHSCORES')[2]
  local oldest = tonumber(unknown) or 0
  if lapsed and tonumber(lapsed) <= now and (oldest == 0 or tonumber(lapsed) < oldest) then oldest = tonumber(lapsed) end
  local over = redis.call('ZCOUNT', KEYS[2], '-inf', ms(now))
  return redis.call('ZCARD', KEYS[2]) - over, redis.call('ZCARD', KEYS[3]), redis.call('ZCARD', KEYS[4]) + over, ms(oldest)
end

-- Lets go of places whose record has gone by itself, `kept` ms after it became unknown.
local function sweep(kept)
  redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', ms(now - kept))
  redis.call('ZREMRANGEBYSCORE', KEYS[3], '-inf', ms(now))
  redis.call('ZREMRANGEBYSCORE', KEYS[4], '-inf', ms(now - kept))
end
