// A form that was sent cannot be sent again until its answer is here. The server's idempotency key is the real guard.
const sending = new WeakSet();

function release(form) {
  sending.delete(form);
  for (const button of form.querySelectorAll("button[aria-busy]")) {
    button.removeAttribute("aria-busy");
    button.disabled = false;
  }
}

export function startOnce() {
  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (!form.matches("[data-once]")) return;
    if (sending.has(form)) {
      event.preventDefault();
      event.stopImmediatePropagation();
      return;
    }
    sending.add(form);
    const button = event.submitter ?? form.querySelector("button[type=submit]");
    // after the form's data was read, so that the button's own name and value are sent
    setTimeout(() => {
      if (!sending.has(form) || !button) return;
      button.setAttribute("aria-busy", "true");
      button.disabled = true;
    });
  }, true);
  document.addEventListener("htmx:finally:request", (event) => {
    const form = event.detail?.ctx?.request?.form;
    if (form) release(form);
  });
  window.addEventListener("pageshow", (event) => {
    if (event.persisted) document.querySelectorAll("form[data-once]").forEach(release);
  });
}
