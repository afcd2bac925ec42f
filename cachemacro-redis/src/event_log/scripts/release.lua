-- HAND BACK: lets any other consumer claim these entries at once.
--
-- ARGV[3..]  pairs: an id, and how many deliveries count

for at = 3, #ARGV, 2 do
  local held = holds(ARGV[at])
  if held and held ~= true then
    local day = 86400000
    redis.call('XCLAIM', KEYS[1], ARGV[1], ARGV[2], 0, ARGV[at], 'IDLE', day, 'RETRYCOUNT', ARGV[at + 1], 'JUSTID')
  end
end
return 'OK'
