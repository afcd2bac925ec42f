-- SWEEP: removes silent consumers without pending entries. A live one is created again with its next entry.
--
-- KEYS  streams
-- ARGV[1]  the group     ARGV[2]  the consumer that asks     ARGV[3]  silent for how many ms

for _, key in ipairs(KEYS) do
  local consumers = redis.pcall('XINFO', 'CONSUMERS', key, ARGV[1])
  if not consumers.err then
    for _, line in ipairs(consumers) do
      local of = {}
      for at = 1, #line, 2 do of[line[at]] = line[at + 1] end
      if of.name ~= ARGV[2] and of.pending == 0 and of.idle > tonumber(ARGV[3]) then
        redis.call('XGROUP', 'DELCONSUMER', key, ARGV[1], of.name)
      end
    end
  end
end
return 'OK'
