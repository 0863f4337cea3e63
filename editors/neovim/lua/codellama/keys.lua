-- Insert-mode keys of attached buffers. Where nothing is shown, a key does what it did before.
local config = require('codellama.config')
local menu = require('codellama.menu')

local M = {}

local saved = {} ---@type table<integer, table<string, table>>

--- As if typed next, before whatever is typed already.
local function feed(keys, remap)
  vim.api.nvim_feedkeys(keys, remap and 'im' or 'in', false)
end

local function codes(keys)
  return vim.api.nvim_replace_termcodes(keys, true, false, true)
end

--- Do what the key meant before it was ours.
---@param key string
---@param before table a dictionary as of maparg()
local function fall_back(key, before)
  local remap = before.noremap == 0
  if before.expr == 1 then
    local result = before.callback and before.callback() or vim.api.nvim_eval(before.rhs)
    if type(result) == 'string' and result ~= '' then
      feed(before.replace_keycodes == 1 and codes(result) or result, remap)
    end
  elseif before.callback then
    before.callback()
  elseif before.rhs then
    feed(codes(before.rhs), remap)
  else
    feed(codes(key), false)
  end
end

-- Whether an action wants something to be shown.
local needs_shown = {
  accept = true,
  accept_word = true,
  accept_line = true,
  dismiss = true,
  next = false,
  previous = false,
  trigger = false,
}

---@param bufnr integer
function M.set(bufnr)
  M.unset(bufnr)
  saved[bufnr] = {}
  for action, needs in pairs(needs_shown) do
    local key = config.current.keys[action]
    if key then
      local before = vim.api.nvim_buf_call(bufnr, function()
        return vim.fn.maparg(key, 'i', false, true)
      end)
      saved[bufnr][key] = before
      vim.keymap.set('i', key, function()
        local codellama = require('codellama')
        if needs and (menu.selected() or not codellama.visible()) then
          fall_back(key, before)
          return
        end
        if needs then
          -- Undo takes back what is inserted before what was typed.
          vim.cmd('let &undolevels = &undolevels')
        end
        codellama[action]()
      end, { buffer = bufnr, desc = 'Code Llama: ' .. action:gsub('_', ' ') })
    end
  end
end

---@param bufnr integer
function M.unset(bufnr)
  for key, before in pairs(saved[bufnr] or {}) do
    pcall(vim.keymap.del, 'i', key, { buffer = bufnr })
    if before.buffer == 1 then
      vim.api.nvim_buf_call(bufnr, function()
        vim.fn.mapset('i', false, before)
      end)
    end
  end
  saved[bufnr] = nil
end

return M
