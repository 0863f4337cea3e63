-- Whether an entry of a completion menu is selected, Neovim's own or a plugin's: then keys that
-- could mean either belong to the menu. Asks only plugins that are loaded.
local M = {}

--- A plugin may change what these functions are called; keys go on working then.
local function ask(look)
  local ok, selected = pcall(look)
  return ok and selected == true
end

local others = {
  ['cmp'] = function(cmp)
    return cmp.visible() and cmp.get_selected_entry() ~= nil
  end,
  ['blink.cmp'] = function(blink)
    return blink.is_menu_visible() and blink.get_selected_item() ~= nil
  end,
}

---@return boolean
function M.selected()
  if vim.fn.pumvisible() == 1 then
    return vim.fn.complete_info({ 'selected' }).selected ~= -1
  end
  for name, look in pairs(others) do
    local plugin = package.loaded[name]
    if plugin and ask(function()
      return look(plugin)
    end) then
      return true
    end
  end
  -- Of coc.nvim: there only once it drew a menu.
  return vim.fn.exists('*coc#pum#info') == 1
    and ask(function()
      return vim.fn['coc#pum#visible']() == 1 and vim.fn['coc#pum#info']().index >= 0
    end)
end

return M
