-- The text under a key, or nothing. A value of another type is from another program, and is deleted.
local function text_of(key)
  local read = redis.pcall('GET', key)
  if type(read) ~= 'table' then return read or nil end
  if string.sub(read.err, 1, 9) ~= 'WRONGTYPE' then error(read) end
  redis.call('DEL', key)
  return nil
end
