-- Puts a suggestion, or its next word or line, into the buffer, and tells the server.
local compat = require('codellama.compat')
local suggestion = require('codellama.suggestion')

local M = {}

---@alias codellama.Part 'all'|'word'|'line'

--- Insert at the cursor of the current window.
---@param client vim.lsp.Client
---@param bufnr integer
---@param chosen codellama.Suggestion
---@param rest codellama.Rest what is left of it at the cursor
---@param part codellama.Part
---@return boolean whole whether nothing of it is left now
function M.insert(client, bufnr, chosen, rest, part)
  local bytes = #rest.text
  if part == 'word' then
    bytes = suggestion.word(rest.text)
  elseif part == 'line' then
    bytes = suggestion.line(rest.text)
  end
  local text = rest.text:sub(1, bytes)
  local whole = bytes == #rest.text
  -- Closers that stand behind the cursor go once the text brings them along.
  local drops = whole or (rest.over ~= '' and text:find(rest.over, 1, true) ~= nil)
  local cursor = vim.api.nvim_win_get_cursor(0)
  local row, column = cursor[1] - 1, cursor[2]
  local lines = vim.split(text, '\n', { plain = true })
  local stop = column + (drops and #rest.over or 0)
  vim.api.nvim_buf_set_text(bufnr, row, column, row, stop, lines)
  local last = #lines[#lines]
  vim.api.nvim_win_set_cursor(0, { row + #lines, (#lines == 1 and column or 0) + last })

  if whole then
    M._accepted(client, bufnr, chosen)
  else
    compat.notify(client, 'textDocument/didPartiallyAcceptCompletion', {
      item = chosen.item,
      -- From the start of the item's text, as the protocol's other users count it.
      acceptedLength = compat.utf16_length((chosen.before or '') .. rest.typed .. text),
    })
  end
  return whole
end

--- The suggestion that is left after a part of it was inserted.
---@param chosen codellama.Suggestion
---@param rest codellama.Rest as it was before
---@return codellama.Suggestion?
function M.leftover(chosen, rest)
  local cursor = vim.api.nvim_win_get_cursor(0)
  local row, column = cursor[1] - 1, cursor[2]
  local line = vim.api.nvim_get_current_line()
  local full = rest.typed .. rest.text
  if row == chosen.row then
    local left = vim.deepcopy(chosen)
    left.text = full
    return left
  end
  -- The rest begins on a later line: what was inserted before it is that line's own.
  local lines = vim.split(full, '\n', { plain = true })
  local passed = row - chosen.row
  local remaining = table.concat(lines, '\n', passed + 1)
  local behind = line:sub(column + 1)
  return {
    text = remaining,
    row = row,
    first = 0,
    last = #line - #chosen.tail,
    tail = chosen.tail,
    replaced = behind:sub(1, #behind - #chosen.tail),
    item = chosen.item,
    before = (chosen.before or '') .. table.concat(lines, '\n', 1, passed) .. '\n',
  }
end

---@param client vim.lsp.Client
function M._accepted(client, bufnr, chosen)
  local command = chosen.item.command
  if command then
    local params = { command = command.command, arguments = command.arguments }
    compat.request(client, 'workspace/executeCommand', params, function() end, bufnr)
  end
end

return M
