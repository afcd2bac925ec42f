-- KEEP: reports that the consumer is alive and holds these entries, so that no other claims them. Returns those it
-- lost.
--
-- ARGV[3..]  ids

local lost = {}
for at = 3, #ARGV do
  local held = holds(ARGV[at])
  if not held then
    table.insert(lost, ARGV[at])
  elseif held ~= true then
    redis.call('XCLAIM', KEYS[1], ARGV[1], ARGV[2], 0, ARGV[at], 'JUSTID')
  end
end
return lost
