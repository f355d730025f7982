;;; regrad.el --- Lost gradients in TensorFlow/Keras programs -*- lexical-binding: t; -*-

;;; Commentary:
;; `M-x regrad-check' reports the findings of the current file in a compilation buffer, with places to jump to;
;; `M-x regrad-diff' shows how the file would be mended.  Flymake: (add-hook 'python-mode-hook #'regrad-flymake-setup).

;;; Code:

(require 'compile)

(defcustom regrad-command "regrad"
  "The regrad executable."
  :type 'string
  :group 'python)

;;;###autoload
(defun regrad-check ()
  "Report the findings of the current file."
  (interactive)
  (compile (format "%s check --output-format concise %s" regrad-command (shell-quote-argument buffer-file-name))))

;;;###autoload
(defun regrad-diff ()
  "Show how the current file would be mended."
  (interactive)
  (compile (format "%s fix --diff %s" regrad-command (shell-quote-argument buffer-file-name))))

(defvar-local regrad--process nil)

(defun regrad-flymake (report &rest _)
  "Check the buffer's text, saved or not, and hand the findings to REPORT."
  (when (process-live-p regrad--process)
    (kill-process regrad--process))
  (let ((source (current-buffer))
        (name (or buffer-file-name "buffer.py")))
    (setq regrad--process
          (make-process
           :name "regrad-flymake" :noquery t :connection-type 'pipe
           :buffer (generate-new-buffer " *regrad-flymake*")
           :command (list regrad-command "check" "--output-format" "concise" "--stdin-filename" name "-")
           :sentinel
           (lambda (process _event)
             (when (memq (process-status process) '(exit signal))
               (unwind-protect
                   (when (and (buffer-live-p source)
                              (eq process (buffer-local-value 'regrad--process source)))
                     (with-current-buffer (process-buffer process)
                       (goto-char (point-min))
                       (let (found)
                         (while (re-search-forward "^.+?:\\([0-9]+\\):\\([0-9]+\\): \\(.*\\)$" nil t)
                           (let* ((text (match-string 3))
                                  (region (flymake-diag-region
                                           source
                                           (string-to-number (match-string 1))
                                           (string-to-number (match-string 2)))))
                             (push (flymake-make-diagnostic source (car region) (cdr region) :warning text) found)))
                         (funcall report (nreverse found)))))
                 (kill-buffer (process-buffer process)))))))
    (process-send-region regrad--process (point-min) (point-max))
    (process-send-eof regrad--process)))

;;;###autoload
(defun regrad-flymake-setup ()
  "Let Flymake show regrad's findings in this buffer."
  (add-hook 'flymake-diagnostic-functions #'regrad-flymake nil t))

(provide 'regrad)
;;; regrad.el ends here
