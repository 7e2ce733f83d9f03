-- The generic cell rate algorithm: one number per limit, the time at which its burst is whole again.
-- KEYS: the limit. ARGV: microseconds per request, burst, requests of the burst to be left, requests wanted.
-- Returns the requests admitted, and the microseconds until the burst is whole again.
--
-- Time is Redis' own, so that replicas whose clocks differ share one limit. It counts from 2023-11-14: a double then has digits
-- to spare for fractions of a microsecond.
local clock = redis.call('TIME')
local now = (clock[1] - 1700000000) * 1000000 + clock[2]
local interval, burst = tonumber(ARGV[1]), tonumber(ARGV[2])
local usable = math.max(burst - ARGV[3], 1)

-- Never further off than a whole burst: a clock that was set back, or a limit that was raised, must not lock anybody out.
local whole_at = tonumber(redis.call('GET', KEYS[1])) or now
whole_at = math.min(math.max(whole_at, now), now + interval * burst)

local left = math.floor((interval * usable - (whole_at - now)) / interval + 0.000001)
local taken = math.max(math.min(left, tonumber(ARGV[4])), 0)
if taken > 0 then
  whole_at = whole_at + taken * interval
  -- A burst that is whole is as good as none: the key ends with it.
  redis.call('SET', KEYS[1], string.format('%.3f', whole_at), 'PX', math.ceil((whole_at - now) / 1000) + 1)
end
return {taken, math.ceil(whole_at - now)}
