-- Where the channel of announcements now ends. A channel that has no head gets one.
--
-- KEYS[1]  the stream     KEYS[2]  its head: `life number`
-- ARGV[1]  a life for the stream, should it have none

local life, number = string.match(redis.call('GET', KEYS[2]) or '', '^([0-9a-f]+) (%d+)$')
if not life then
  life, number = ARGV[1], '0'
  redis.call('SET', KEYS[2], life .. ' ' .. number)
end
local last = redis.call('XREVRANGE', KEYS[1], '+', '-', 'COUNT', 1)
return { life, number, last[1] and last[1][1] or '0-0' }
