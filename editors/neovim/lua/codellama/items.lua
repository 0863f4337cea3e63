-- From the server's answer to suggestions: positions become byte columns of the line they were for.
local compat = require('codellama.compat')

local M = {}

---@class codellama.Place Where a request was made
---@field row integer 0-based
---@field column integer byte column of the cursor
---@field line string the line at that moment

---@return codellama.Place
function M.place()
  local cursor = vim.api.nvim_win_get_cursor(0)
  return { row = cursor[1] - 1, column = cursor[2], line = vim.api.nvim_get_current_line() }
end

---@param result table? `InlineCompletionItem[]` or `InlineCompletionList`
---@param place codellama.Place
---@param encoding string the client's position encoding
---@return codellama.Suggestion[]
function M.suggestions(result, place, encoding)
  local found = {}
  for _, item in ipairs(result and (result.items or result) or {}) do
    local text = item.insertText
    if type(text) == 'table' then
      text = text.value
    end
    local first, last = place.column, place.column
    if
      item.range
      and item.range.start.line == place.row
      and item.range['end'].line == place.row
    then
      first = compat.byte_of(place.line, item.range.start.character, encoding)
      last = compat.byte_of(place.line, item.range['end'].character, encoding)
    end
    if first <= place.column and last >= place.column then
      found[#found + 1] = {
        text = (text:gsub('\r\n', '\n')),
        row = place.row,
        first = first,
        last = last,
        tail = place.line:sub(last + 1),
        replaced = place.line:sub(place.column + 1, last),
        item = item,
      }
    end
  end
  return found
end

return M
