-- AGAIN: counts one more delivery of an entry to the consumer that holds it. Returns the count; 0 if the server no
-- longer counts, as the entry is not pending any more; -1 if the consumer does not hold the entry.
--
-- ARGV[3]  the id

local held = holds(ARGV[3])
if not held then return -1 end
if held == true then return 0 end
local count = tonumber(held[4]) + 1
redis.call('XCLAIM', KEYS[1], ARGV[1], ARGV[2], 0, ARGV[3], 'RETRYCOUNT', count, 'JUSTID')
return count
