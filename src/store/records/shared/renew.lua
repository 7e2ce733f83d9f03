-- Renews an owner's lease on its record, unless that has become another's, or unknown.
-- KEYS: as above, and the record. ARGV: its place; the record as its owner wrote it; ms that it is kept; ms of a lease.
if redis.call('GET', KEYS[5]) ~= ARGV[2] then return 0 end
redis.call('PEXPIRE', KEYS[5], ARGV[3])
redis.call('ZADD', KEYS[2], ms(now + ARGV[4]), ARGV[1])
return 1
