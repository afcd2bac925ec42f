-- CONTROL: raises numbers of the control record, and returns the record.
--
-- KEYS[1]  the record: a line for each function that was cleared, `number name`; the name of all functions is empty
-- ARGV     for each raise: the name, how (`on`, `off`, or `least`), and a number

local names, numbers, greatest = {}, {}, 0
for number, name in string.gmatch(text_of(KEYS[1]) or '', '(%d+) ([^\n]*)\n') do
  -- Lua would round a number with more digits.
  if #number <= 15 and not numbers[name] then
    names[#names + 1] = name
    numbers[name] = tonumber(number)
    greatest = math.max(greatest, numbers[name])
  end
end
for at = 1, #ARGV, 3 do
  local name, how, number = ARGV[at], ARGV[at + 1], tonumber(ARGV[at + 2])
  if how == 'least' then
    number = math.max(number, numbers[name] or 0)
  else
    number = math.max(number, greatest + 1)
    -- An odd number says that the function is switched off.
    if (number % 2 == 1) ~= (how == 'off') then number = number + 1 end
  end
  if not numbers[name] then names[#names + 1] = name end
  numbers[name] = number
  greatest = math.max(greatest, number)
end
local lines = {}
for at, name in ipairs(names) do
  lines[at] = string.format('%.0f', numbers[name]) .. ' ' .. name .. '\n'
end
local text = table.concat(lines)
if #ARGV > 0 then redis.call('SET', KEYS[1], text) end
return text
