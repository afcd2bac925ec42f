-- AGAIN: counts one more delivery of an entry to the consumer that holds it. Returns the count; 0 where nobody counts any
-- more; -1 where the entry is not the consumer's.
--
-- ARGV[3]  the id

local held = holds(ARGV[3])
if not held then return -1 end
if held == true then return 0 end
local count = tonumber(held[4]) + 1
redis.call('XCLAIM', KEYS[1], ARGV[1], ARGV[2], 0, ARGV[3], 'RETRYCOUNT', count, 'JUSTID')
return count
