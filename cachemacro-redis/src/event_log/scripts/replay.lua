-- REPLAY: moves dead letters to the group's own stream, in one step. Returns how many.
--
-- KEYS[1]  the dead letters     KEYS[2]  the group's own stream
-- ARGV[1]  the first id     ARGV[2]  the last id     ARGV[3]  the most letters to move

local letters = redis.call('XRANGE', KEYS[1], ARGV[1], ARGV[2], 'COUNT', ARGV[3])
for _, letter in ipairs(letters) do
  append(KEYS[2], '*', unpack(letter[2]))
  redis.call('XDEL', KEYS[1], letter[1])
end
return #letters
