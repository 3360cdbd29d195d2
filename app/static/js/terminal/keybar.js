// Keys that a phone's keyboard does not have. Ctrl waits for the next key.
const FIXED = { esc: "\x1b", tab: "\t", pipe: "|", slash: "/", tilde: "~", dash: "-" };
const ARROWS = { up: "A", down: "B", right: "C", left: "D" };

export function startKeybar(bar, current) {
  let control = false;
  const button = bar.querySelector("[data-key=ctrl]");
  const arm = (on) => {
    control = on;
    button.setAttribute("aria-pressed", String(on));
  };
  bar.addEventListener("pointerdown", (event) => { if (event.target.closest("button")) event.preventDefault(); }); // the screen keeps the focus
  bar.addEventListener("click", (event) => {
    const key = event.target.closest("[data-key]")?.dataset.key;
    const tab = current();
    if (!key || !tab) return;
    if (key === "ctrl") arm(!control);
    else if (key in ARROWS) tab.type((tab.term.modes.applicationCursorKeysMode ? "\x1bO" : "\x1b[") + ARROWS[key]);
    else tab.type(FIXED[key]);
    tab.term.focus();
  });
  return (text) => {
    if (!control || text.length !== 1) return text;
    arm(false);
    const code = text.toUpperCase().charCodeAt(0);
    return code >= 63 && code <= 95 ? String.fromCharCode(code === 63 ? 127 : code & 31) : text;
  };
}
