;;; codellama.el --- Code Llama completes your code, on your own machine -*- lexical-binding: t; -*-

;; Version: 0.1.0
;; Package-Requires: ((emacs "29.1") (lsp-mode "10.0.0"))
;; Keywords: languages, tools
;; SPDX-License-Identifier: MIT

;;; Commentary:

;; Registers the server `codellama-lsp' with lsp-mode 10 and newer, beside a language's own server.
;; lsp-mode shows its suggestions as inline completions: `lsp-inline-complete-with-...' commands
;; and keys are lsp-mode's own.

;;; Code:

(require 'lsp-mode)
(require 'lsp-inline-completion nil t)

(defgroup codellama nil
  "Code Llama on your own machine."
  :group 'lsp-mode)

(defcustom codellama-command '("codellama-lsp" "serve")
  "How to start the server."
  :type '(repeat string))

(defcustom codellama-model nil
  "Path of a GGUF file, or a name in the catalogue; nil for the embedded model."
  :type '(choice (const nil) string))

(defvar codellama-status nil
  "What the server last said about itself; read it with `lsp-get'.")

(defun codellama--on-status (_workspace params)
  "Keep PARAMS for the mode line."
  (setq codellama-status params)
  (force-mode-line-update t))

(defun codellama-mode-line ()
  "A few words for the mode line."
  (if codellama-status
      (format "CodeLlama %s" (lsp-get codellama-status :state))
    ""))

(lsp-register-client
 (make-lsp-client
  :new-connection (lsp-stdio-connection (lambda () codellama-command))
  :activation-fn (lambda (_file _mode) t)
  ;; Beside the language's own server, not in its place.
  :add-on? t
  :multi-root t
  :priority -10
  :server-id 'codellama
  :initialization-options (lambda ()
                            (if codellama-model
                                (list :model codellama-model)
                              (make-hash-table)))
  :notification-handlers (lsp-ht ("codellama/status" #'codellama--on-status))))

(defun codellama-toggle ()
  "Switch suggestions off or on."
  (interactive)
  (let ((result (lsp-workspace-command-execute "codellama.toggle")))
    (message "Code Llama: suggestions are %s"
             (if (eq (lsp-get result :enabled) t) "on" "off"))))

(provide 'codellama)
;;; codellama.el ends here
