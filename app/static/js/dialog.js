// Native dialogs: open, close, and the button that waits until the name is typed. The server checks the name again.
function arm(form) {
  const input = form.querySelector("[name=confirm_name]");
  const button = form.querySelector("button[type=submit]");
  if (input && button) button.disabled = input.value !== form.dataset.confirmName;
}

export function openAuto(root = document) {
  for (const dialog of root.querySelectorAll("dialog[data-dialog-auto]")) if (!dialog.open) dialog.showModal();
}

export function startDialogs() {
  document.addEventListener("click", (event) => {
    const opener = event.target.closest?.("[data-dialog-open]");
    if (opener) {
      const dialog = document.getElementById(opener.dataset.dialogOpen);
      if (dialog instanceof HTMLDialogElement) {
        event.preventDefault();
        dialog.querySelectorAll("form[data-confirm-name]").forEach(arm);
        dialog.showModal();
      }
      return;
    }
    if (event.target.closest?.("[data-dialog-close]")) event.target.closest("dialog")?.close();
    else if (event.target instanceof HTMLDialogElement) event.target.close(); // the backdrop
  });
  document.addEventListener("input", (event) => {
    const form = event.target.form;
    if (form?.dataset.confirmName) arm(form);
  });
  openAuto();
}
