;;; codellama-eglot.el --- Code Llama as eglot's server -*- lexical-binding: t; -*-

;; Version: 0.1.0
;; Package-Requires: ((emacs "29.1"))
;; Keywords: languages, tools
;; SPDX-License-Identifier: MIT

;;; Commentary:

;; eglot has no inline completion: a suggestion is an entry of the completion menu.  eglot talks to one
;; server per buffer, so this takes the place of the language's own in the modes named here.

;;; Code:

(require 'eglot)

(defgroup codellama-eglot nil
  "Code Llama on your own machine, through eglot."
  :group 'eglot)

(defcustom codellama-eglot-command '("codellama-lsp" "serve")
  "How to start the server."
  :type '(repeat string))

(defcustom codellama-eglot-settings nil
  "The server's settings, a plist such as (:model \"PATH\" :multi_line \"never\")."
  :type 'plist)

(defcustom codellama-eglot-modes 'prog-mode
  "The major mode, or list of modes, that get Code Llama as their server."
  :type '(choice symbol (repeat symbol)))

(defun codellama-eglot--contact (&rest _)
  "The command with the settings, as `eglot-server-programs' wants it."
  (append codellama-eglot-command
          (list :initializationOptions (or codellama-eglot-settings eglot--{}))))

(add-to-list 'eglot-server-programs (cons codellama-eglot-modes #'codellama-eglot--contact))

(provide 'codellama-eglot)
;;; codellama-eglot.el ends here
