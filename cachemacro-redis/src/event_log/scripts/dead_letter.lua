-- BURY: moves an entry to the dead letters, in one step. Returns whether it did.
--
-- KEYS[2]  the dead letters
-- ARGV[3]  the id                      ARGV[4]  about how many letters to keep
-- ARGV[5]  1: the stream is the group's own, and the entry is deleted from it
-- ARGV[6..]  the letter's fields

if not holds(ARGV[3]) then return 0 end
append(KEYS[2], 'MAXLEN', '~', ARGV[4], '*', unpack(ARGV, 6))
if ARGV[5] == '1' then redis.call('XDEL', KEYS[1], ARGV[3]) end
redis.call('XACK', KEYS[1], ARGV[1], ARGV[3])
return 1
