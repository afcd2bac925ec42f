-- Renews or releases a lease, if the caller still holds it. Returns whether it did.
--
-- KEYS[1]  the lease
-- ARGV[1]  its owner
-- ARGV[2]  for how long it is renewed, in ms; 0 releases it

local held = text_of(KEYS[1])
if not held or string.sub(held, 1, 16) ~= ARGV[1] then return 0 end
if ARGV[2] == '0' then
  redis.call('DEL', KEYS[1])
else
  redis.call('PEXPIRE', KEYS[1], ARGV[2])
end
return 1
