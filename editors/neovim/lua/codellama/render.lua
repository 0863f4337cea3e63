-- Draws what is left of a suggestion as virtual text, and nothing else.
local suggestion = require('codellama.suggestion')

local M = {}

M.namespace = vim.api.nvim_create_namespace('codellama.ghost')

---@param bufnr integer
function M.clear(bufnr)
  if vim.api.nvim_buf_is_valid(bufnr) then
    vim.api.nvim_buf_clear_namespace(bufnr, M.namespace, 0, -1)
  end
end

---@param bufnr integer
---@param row integer
---@param column integer byte column of the cursor
---@param rest codellama.Rest
---@param count string? shown behind the text, as "2/3"
function M.draw(bufnr, row, column, rest, count)
  M.clear(bufnr)
  local lines = vim.split(rest.text, '\n', { plain = true })
  local before, after = suggestion.around(M._expand(lines[1], bufnr), rest.over)
  local position = 'inline'
  if after == nil then
    position = 'overlay'
    local missing = vim.fn.strdisplaywidth(rest.over) - vim.fn.strdisplaywidth(before)
    before = before .. (' '):rep(math.max(missing, 0))
  end
  local below = {}
  for index = 2, #lines do
    below[#below + 1] = { { M._expand(lines[index], bufnr), 'CodeLlamaGhost' } }
  end
  local counted = count and { (' (%s)'):format(count), 'CodeLlamaCount' } or nil
  if counted and #below > 0 then
    table.insert(below[#below], counted)
    counted = nil
  end
  local shown = { { before, 'CodeLlamaGhost' } }
  if counted and (after == nil or after == '') then
    shown[2], counted = counted, nil
  end
  vim.api.nvim_buf_set_extmark(bufnr, M.namespace, row, column, {
    virt_text = shown,
    virt_text_pos = position,
    virt_lines = #below > 0 and below or nil,
    -- Not combined: beside a highlighted bracket it would look like a part of it.
    hl_mode = 'replace',
  })
  if after and after ~= '' then
    vim.api.nvim_buf_set_extmark(bufnr, M.namespace, row, column + #rest.over, {
      virt_text = { { after, 'CodeLlamaGhost' }, counted },
      virt_text_pos = 'inline',
      hl_mode = 'replace',
    })
  end
end

--- Virtual text shows a tab as a control character, so tabs become blanks.
function M._expand(line, bufnr)
  if not line:find('\t', 1, true) then
    return line
  end
  local width = vim.bo[bufnr].tabstop
  local leading, rest = line:match('^(\t*)(.*)$')
  return (' '):rep(#leading * width) .. rest:gsub('\t', (' '):rep(width))
end

return M
