-- What has to exist before setup() was called: the command, and the hook for servers started with
-- vim.lsp.enable('codellama') alone. Everything else is loaded when it is first needed.
if vim.g.loaded_codellama then
  return
end
vim.g.loaded_codellama = true
require('codellama.plugin').load()
