// The command palette (Ctrl/Cmd K or /), the list of shortcuts (?) and jumps: g and a letter.
// The server finds (GET /search); this only shows what it answers.
const typing = (target) => target.closest?.("input, textarea, select, [contenteditable], .xterm");
let asked = 0;

function options(dialog) {
  return [...dialog.querySelectorAll("[role=option]")];
}

function mark(dialog, index) {
  const all = options(dialog);
  const at = all.length ? (index + all.length) % all.length : -1;
  all.forEach((option, place) => option.setAttribute("aria-selected", place === at ? "true" : "false"));
  all[at]?.scrollIntoView({ block: "nearest" });
  const input = dialog.querySelector("input");
  if (all[at]) input.setAttribute("aria-activedescendant", all[at].id);
  else input.removeAttribute("aria-activedescendant");
}

async function find(dialog) {
  const mine = ++asked;
  const query = dialog.querySelector("input").value;
  try {
    const answer = await fetch(`/search?q=${encodeURIComponent(query)}`, { headers: { "HX-Request": "true" } });
    if (mine !== asked || !answer.ok) return;
    dialog.querySelector("[data-results]").innerHTML = await answer.text();
    mark(dialog, 0);
  } catch {
    dialog.querySelector("[data-results]").textContent = "Berth could not be reached.";
  }
}

function open(dialog) {
  const input = dialog.querySelector("input");
  input.value = "";
  dialog.showModal();
  input.focus();
  find(dialog);
}

function steer(dialog, event) {
  const all = options(dialog);
  const at = all.findIndex((option) => option.getAttribute("aria-selected") === "true");
  if (event.key === "ArrowDown") mark(dialog, at + 1);
  else if (event.key === "ArrowUp") mark(dialog, at - 1);
  else if (event.key === "Enter") all[at]?.click();
  else return;
  event.preventDefault();
}

export function startPalette() {
  const dialog = document.getElementById("palette");
  const help = document.getElementById("shortcuts");
  if (!(dialog instanceof HTMLDialogElement)) return;
  const input = dialog.querySelector("input");
  input.addEventListener("input", () => find(dialog));
  input.addEventListener("keydown", (event) => steer(dialog, event));
  document.addEventListener("click", (event) => {
    if (!event.target.closest?.("[data-palette]")) return;
    event.preventDefault();
    open(dialog);
  });
  let jumping = 0;
  document.addEventListener("keydown", (event) => {
    if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "k" && !event.target.closest?.(".xterm")) {
      event.preventDefault();
      if (!dialog.open) open(dialog);
      return;
    }
    if (event.ctrlKey || event.metaKey || event.altKey || typing(event.target) || document.querySelector("dialog[open]")) return;
    if (Date.now() - jumping < 1500) {
      jumping = 0;
      const link = document.querySelector(`.rail [data-jump="${CSS.escape(event.key)}"]`);
      if (link) link.click();
    } else if (event.key === "g") jumping = Date.now();
    else if (event.key === "/") {
      event.preventDefault();
      open(dialog);
    } else if (event.key === "?") help?.showModal();
  });
}
