---@brief
---
--- Inline completion (fill in the middle) from Code Llama, on your own machine.
---
--- ```sh
--- pipx install '.[llama]'  # in a clone
--- ```
---
--- This file alone serves Neovim 0.11 and newer: `vim.lsp.enable('codellama')`. The keys, commands
--- and the status line come with `require('codellama').setup()`, which reads this file too.

---@type vim.lsp.Config
return {
  cmd = require('codellama.config').current.cmd,
  root_markers = { '.git', '.hg', 'pyproject.toml', 'package.json', 'Cargo.toml', 'go.mod' },
  -- One server for all projects: a model is large, and the server tells documents apart.
  reuse_client = function(client, config)
    return client.name == config.name and not client:is_stopped()
  end,
  on_init = function()
    require('codellama.client').initialized()
  end,
  on_exit = function(code, signal)
    require('codellama.client').exited(code, signal)
  end,
  handlers = {
    ['codellama/status'] = function(_, status, context)
      require('codellama.status').update(context.client_id, status)
    end,
  },
}
