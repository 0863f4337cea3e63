-- Who else in this Neovim shows ghost text or has taken a key of ours, for :checkhealth. Looks only
-- at what is loaded.
local attach = require('codellama.attach')
local config = require('codellama.config')

local M = {}

---@class codellama.Rival
---@field name string
---@field remedy string

--- How each is known once it is loaded: a Lua module, or a variable that its Vim script sets.
local plugins = {
  { name = 'copilot.vim', variable = 'loaded_copilot' },
  { name = 'copilot.lua', module = 'copilot.suggestion' },
  { name = 'codeium.vim (windsurf.vim)', variable = 'loaded_codeium' },
  { name = 'codeium.nvim (windsurf.nvim)', module = 'codeium.virtual_text' },
  { name = 'neocodeium', module = 'neocodeium' },
  { name = 'supermaven-nvim', module = 'supermaven-nvim.completion_preview' },
  { name = 'minuet-ai.nvim', module = 'minuet.virtualtext' },
  { name = 'llama.vim', variable = 'llama_config' },
  { name = 'tabnine-nvim', module = 'tabnine.completion' },
}

--- Whether a completion plugin's own option for ghost text is on; its configuration may look
--- otherwise in another version.
local previews = {
  ['blink.cmp'] = function()
    local enabled = package.loaded['blink.cmp.config'].completion.ghost_text.enabled
    return enabled == true or type(enabled) == 'function'
  end,
  ['nvim-cmp'] = function()
    local shown = package.loaded['cmp.config'].get().experimental.ghost_text
    return shown ~= nil and shown ~= false
  end,
}

--- Plugins and servers that show suggestions at the same place.
---@return codellama.Rival[]
function M.ghosts()
  local found = {}
  for _, plugin in ipairs(plugins) do
    if plugin.module and package.loaded[plugin.module] or vim.g[plugin.variable or ''] then
      found[#found + 1] = {
        name = plugin.name,
        remedy = ('Use one of them at a time: switch %s off, or :CodeLlama toggle'):format(
          plugin.name
        ),
      }
    end
  end
  for name, on in pairs(previews) do
    local ok, shown = pcall(on)
    if ok and shown then
      found[#found + 1] = { name = name, remedy = 'Switch its option "ghost_text" off' }
    end
  end
  return vim.list_extend(found, M._servers())
end

--- Other language servers whose inline completion Neovim shows in the same buffers.
---@return codellama.Rival[]
function M._servers()
  local found, seen = {}, {}
  for _, bufnr in ipairs(attach.buffers()) do
    for _, client in ipairs(vim.lsp.get_clients({ bufnr = bufnr })) do
      local offers = client.server_capabilities.inlineCompletionProvider
      if client.name ~= 'codellama' and offers and not seen[client.name] then
        seen[client.name] = true
        found[#found + 1] = {
          name = ('the language server %q'):format(client.name),
          remedy = ('Stop one of them: vim.lsp.enable(%q, false)'):format(client.name),
        }
      end
    end
  end
  return found
end

---@class codellama.Taken
---@field action string
---@field key string
---@field by string what the key does now

--- Keys that somebody mapped for a buffer after the plugin did.
---@return codellama.Taken[]
function M.keys()
  local found, seen = {}, {}
  for _, bufnr in ipairs(attach.buffers()) do
    for action, key in pairs(config.current.keys) do
      local now = key and M._mapping(bufnr, key)
      if now and not vim.startswith(now.desc or '', 'Code Llama: ') and not seen[key] then
        seen[key] = true
        local by = now.desc or now.rhs or (now.callback and 'a Lua function') or 'nothing'
        found[#found + 1] = { action = action, key = key, by = by }
      end
    end
  end
  return found
end

---@return table? dictionary as of maparg(); nil where the buffer is gone
function M._mapping(bufnr, key)
  if not vim.api.nvim_buf_is_loaded(bufnr) then
    return nil
  end
  return vim.api.nvim_buf_call(bufnr, function()
    return vim.fn.maparg(key, 'i', false, true)
  end)
end

return M
