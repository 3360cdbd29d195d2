// Passing notes in #toasts: from a `toast` event, or from a script of ours.
const SHOWN_MS = 6000;

function watch(element) {
  const tone = [...element.classList].find((name) => name.startsWith("tone-"));
  if (tone === "tone-bad") return; // an error stays until it is read
  let timer = 0;
  const leave = () => element.remove();
  const arm = () => { timer = setTimeout(leave, SHOWN_MS); };
  element.addEventListener("pointerenter", () => clearTimeout(timer));
  element.addEventListener("pointerleave", arm);
  element.addEventListener("focusin", () => clearTimeout(timer));
  arm();
}

export function toast(message, tone = "good") {
  const room = document.getElementById("toasts");
  if (!room) return;
  const element = document.createElement("div");
  element.className = "toast tone-" + tone;
  element.dataset.toast = "";
  const text = document.createElement("p");
  text.textContent = message;
  const close = document.createElement("button");
  close.type = "button";
  close.className = "toast__close";
  close.dataset.toastClose = "";
  close.setAttribute("aria-label", "Dismiss");
  close.textContent = "×";
  element.append(document.createElement("span"), text, close);
  room.append(element);
}

export function startToasts() {
  const room = document.getElementById("toasts");
  if (!room) return;
  new MutationObserver((records) => {
    for (const record of records) for (const node of record.addedNodes) if (node instanceof HTMLElement && node.matches("[data-toast]")) watch(node);
  }).observe(room, { childList: true });
  room.addEventListener("click", (event) => event.target.closest("[data-toast-close]")?.closest("[data-toast]")?.remove());
  document.addEventListener("toast", (event) => toast(String(event.detail?.message ?? event.detail?.value ?? ""), event.detail?.tone));
}
