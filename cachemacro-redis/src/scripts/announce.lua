-- ANNOUNCE: numbers announcements and appends them. Readers see by the numbers whether they missed one (R14).
--
-- KEYS[1]  the stream     KEYS[2]  its head: `life number`
-- ARGV[1]  a life for the stream, if it has none, or must be written again
-- ARGV[2]  about how many announcements are kept
-- ARGV[3..]  three for each: the event's name or nothing, its JSON or nothing, its moves

local life, number = read_head(KEYS[2])
life, number = life or ARGV[1], number or 0
for at = 3, #ARGV, 3 do
  number = number + 1
  local fields = { 'n', string.format('%.0f', number), 'life', life, 'moves', ARGV[at + 2] }
  if ARGV[at] ~= '' then
    for _, field in ipairs({ 'event', ARGV[at], 'body', ARGV[at + 1] }) do table.insert(fields, field) end
  end
  -- A stream that was written again gets a new life: positions of readers in the old one do not apply to it.
  if append(KEYS[1], 'MAXLEN', '~', ARGV[2], '*', unpack(fields)) then life = ARGV[1] end
end
write_head(KEYS[2], life, number)
return life
