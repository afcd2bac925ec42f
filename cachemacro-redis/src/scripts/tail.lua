-- The current end of the channel of announcements. A channel without a head gets one.
--
-- KEYS[1]  the stream     KEYS[2]  its head: `life number`
-- ARGV[1]  a life for the stream, if it has none

local last = redis.pcall('XREVRANGE', KEYS[1], '+', '-', 'COUNT', 1)
local is_foreign = last.err ~= nil
if is_foreign then
  if string.sub(last.err, 1, 9) ~= 'WRONGTYPE' then error(last) end
  redis.call('DEL', KEYS[1])
end
local life, number = read_head(KEYS[2])
if is_foreign or not life then
  life, number = ARGV[1], 0
  write_head(KEYS[2], life, number)
end
return { life, string.format('%.0f', number), last[1] and last[1][1] or '0-0' }
