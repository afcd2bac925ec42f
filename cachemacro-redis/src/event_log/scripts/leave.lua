-- RESIGN: removes the consumer from streams where it has no pending entries. With it the server would drop those too.
--
-- KEYS  streams
-- ARGV[1]  the group     ARGV[2]  the consumer

for _, key in ipairs(KEYS) do
  local pending = redis.pcall('XPENDING', key, ARGV[1], '-', '+', 1, ARGV[2])
  if not pending.err and #pending == 0 then redis.call('XGROUP', 'DELCONSUMER', key, ARGV[1], ARGV[2]) end
end
return 'OK'
