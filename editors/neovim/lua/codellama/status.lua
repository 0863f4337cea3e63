-- What the server last said about itself, for the status line and for :CodeLlama status.
local M = {}

---@class codellama.Status
---@field state 'stopped'|'starting'|'loading'|'ready'|'busy'|'slow'|'off'|'error'
---@field percent number?
---@field model string?
---@field message string?
---@field remedy string?
---@field last_ms number?

---@type codellama.Status
M.current = { state = 'stopped' }

local told = {} ---@type table<string, true> problems the user has read already

---@param client_id integer?
---@param status codellama.Status
function M.update(client_id, status)
  M.current = status
  if status.state == 'error' then
    M._tell(status)
  elseif status.state == 'ready' then
    told = {}
  end
  vim.api.nvim_exec_autocmds('User', {
    pattern = 'CodeLlamaStatus',
    modeline = false,
    data = { client_id = client_id, status = status },
  })
  vim.cmd.redrawstatus({ bang = true })
end

---@param message string
---@param remedy string
function M.fail(message, remedy)
  M.update(nil, { state = 'error', message = message, remedy = remedy })
end

function M._tell(status)
  local text = table.concat({ 'codellama: ' .. (status.message or 'error'), status.remedy }, '\n')
  if not told[text] then
    told[text] = true
    vim.notify(text, vim.log.levels.WARN)
  end
end

--- One word and what matters beside it, as "CodeLlama ready 48 ms".
---@return string
function M.line()
  local status = M.current
  local parts = { 'CodeLlama', status.state }
  if status.state == 'loading' and status.percent then
    parts[3] = ('%d%%'):format(status.percent)
  elseif status.last_ms and (status.state == 'ready' or status.state == 'slow') then
    parts[3] = ('%.0f ms'):format(status.last_ms)
  end
  return table.concat(parts, ' ')
end

--- Everything, a line each.
---@return string[]
function M.lines()
  local status = M.current
  local lines = { 'state    ' .. status.state }
  local function add(label, value)
    if value ~= nil and value ~= '' then
      lines[#lines + 1] = label .. value
    end
  end
  add('model    ', status.model)
  add('last     ', status.last_ms and ('%.0f ms'):format(status.last_ms))
  add('problem  ', status.message)
  add('remedy   ', status.remedy)
  local native = require('codellama.config').native()
  add('shown by ', native and "Neovim's inline completion" or "the plugin's ghost text")
  return lines
end

return M
