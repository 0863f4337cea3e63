-- Registers the command, the highlight groups and the autocommands. Runs once, loads little.
local M = {}
local loaded = false

function M.load()
  if loaded then
    return
  end
  loaded = true
  -- As Neovim's own ghost text looks (0.12), so that what is left of a suggestion looks the same.
  local own = vim.fn.hlexists('ComplHint') == 1
  local ghost, count = own and 'ComplHint' or 'Comment', own and 'ComplHintMore' or 'NonText'
  vim.api.nvim_set_hl(0, 'CodeLlamaGhost', { default = true, link = ghost })
  vim.api.nvim_set_hl(0, 'CodeLlamaCount', { default = true, link = count })

  vim.api.nvim_create_user_command('CodeLlama', function(command)
    require('codellama.commands').run(command)
  end, {
    nargs = '*',
    bang = true,
    desc = 'Code Llama: status, toggle, restart, why, ...',
    complete = function(lead, line)
      return require('codellama.commands').complete(lead, line)
    end,
  })

  local group = vim.api.nvim_create_augroup('codellama', { clear = true })
  vim.api.nvim_create_autocmd('LspAttach', {
    group = group,
    callback = function(event)
      local client = vim.lsp.get_client_by_id(event.data.client_id)
      if client and client.name == 'codellama' then
        require('codellama.attach').attach(client, event.buf)
      end
    end,
  })
  vim.api.nvim_create_autocmd('LspDetach', {
    group = group,
    callback = function(event)
      require('codellama.attach').detach(event.buf, event.data.client_id)
    end,
  })
end

return M
