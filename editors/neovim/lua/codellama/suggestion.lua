-- A suggestion and the line it was made for: what is left of it after more typing, and how much of
-- it is a word or a line. Pure functions on strings; knows no buffer and no window.
local M = {}

---@class codellama.Suggestion
---@field text string what replaces bytes [first, last) of the line
---@field row integer 0-based line
---@field first integer byte column
---@field last integer byte column; everything from here on stays
---@field tail string what stood after `last` when the suggestion was made
---@field replaced string what stood between the cursor and `last` then
---@field before string? the item's text before `text`, inserted already
---@field item table the server's item, for its command and for reports

---@class codellama.Rest What a suggestion still has to say at a cursor
---@field text string what is to be inserted at the cursor
---@field over string what stands after the cursor and goes away
---@field typed string how the suggestion's text begins, standing in the line already

-- What editors and plugins put behind the cursor on their own.
local closers = '^[%)%]%}>"\'`]*$'

--- What is left of `suggestion` with the cursor at byte `column` of `line`; nil: it fits no more.
---@param suggestion codellama.Suggestion
---@param line string the line as it is now
---@param column integer
---@return codellama.Rest?
function M.rest(suggestion, line, column)
  if column < suggestion.first then
    return nil
  end
  local typed = line:sub(suggestion.first + 1, column)
  if suggestion.text:sub(1, #typed) ~= typed then
    return nil
  end
  local behind = line:sub(column + 1)
  if suggestion.tail ~= '' and behind:sub(-#suggestion.tail) ~= suggestion.tail then
    return nil
  end
  local over = behind:sub(1, #behind - #suggestion.tail)
  if over ~= '' and not over:match(closers) and over ~= suggestion.replaced then
    return nil
  end
  local text = suggestion.text:sub(#typed + 1)
  if text == '' or text == over then
    return nil
  end
  return { text = text, over = over, typed = typed }
end

--- How many bytes of `text` the next word takes, with the blanks before it; a line break is a word.
---@param text string
---@return integer
function M.word(text)
  local _, stop = text:find('^[ \t]*[%w_\128-\255]+')
  if stop then
    return stop
  end
  _, stop = text:find('^\r?\n[ \t]*')
  if stop then
    return stop
  end
  _, stop = text:find('^[ \t]*[^%s%w_\128-\255]+')
  return stop or #text
end

--- How many bytes of `text` reach to the end of its line; at a line break, to the end of the next.
---@param text string
---@return integer
function M.line(text)
  local start = text:match('^\r?\n()') or 1
  local stop = text:find('\r?\n', start)
  return stop and stop - 1 or #text
end

--- Where to show the parts of a rest's first line: inline text at the cursor and, behind what stays
--- visible of `over`, a second part. Without a way to fit `over` in, the first part covers it.
---@param first string the rest's first line
---@param over string
---@return string before, string? after nil where `before` must cover `over`
function M.around(first, over)
  if over == '' then
    return first, ''
  end
  local found ---@type integer?
  local from = 1
  while true do
    local at = first:find(over, from, true)
    if not at then
      break
    end
    found, from = at, at + 1
  end
  if not found then
    return first, nil
  end
  return first:sub(1, found - 1), first:sub(found + #over)
end

return M
