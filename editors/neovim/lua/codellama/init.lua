-- What users call: setup(), the actions behind the keys, and a component for the status line.
local M = {}

---@param options table? see |codellama-options|
function M.setup(options)
  if vim.fn.has('nvim-0.10') == 0 then
    vim.notify('codellama: Neovim 0.10 or newer is needed', vim.log.levels.ERROR)
    return
  end
  local problems = require('codellama.config').set(options)
  for _, problem in ipairs(problems) do
    vim.notify(problem, vim.log.levels.WARN)
  end
  require('codellama.plugin').load()
  require('codellama.client').start()
end

local function shower()
  return require('codellama.attach').shower()
end

--- Whether a suggestion is shown in the current buffer.
---@return boolean
function M.visible()
  return shower().visible()
end

function M.accept()
  shower().accept('all')
end

function M.accept_word()
  shower().accept('word')
end

function M.accept_line()
  shower().accept('line')
end

function M.next()
  shower().cycle(1)
end

function M.previous()
  shower().cycle(-1)
end

function M.dismiss()
  shower().dismiss()
end

function M.trigger()
  shower().trigger()
end

--- For 'statusline', lualine and the like.
---@return string
function M.statusline()
  return require('codellama.status').line()
end

---@return codellama.Status
function M.status()
  return vim.deepcopy(require('codellama.status').current)
end

--- Change the running server's settings, for example `{ max_tokens = 32 }`.
---@param changes table<string, any>
function M.change_settings(changes)
  require('codellama.client').change_settings(changes)
end

return M
