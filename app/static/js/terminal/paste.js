// Pasted text comes from anywhere. Control characters in it could end a bracketed paste, or press keys: only tabs and line breaks stay.
// Several lines run as they arrive in a program that does not ask for bracketed paste: the person is asked first.
const CONTROLS = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f]/g; // ESC and its eight-bit forms among them

export function clean(text) {
  return text.replace(CONTROLS, "");
}

export function startPaste(pane, term, ask) {
  const take = (event, text) => {
    event.preventDefault();
    event.stopImmediatePropagation();
    if (term.options.disableStdin) return;
    const harmless = clean(text);
    if (!harmless) return;
    if (term.modes.bracketedPasteMode || !/[\r\n]/.test(harmless)) term.paste(harmless);
    else ask(harmless, () => term.paste(harmless));
  };
  pane.addEventListener("paste", (event) => take(event, event.clipboardData?.getData("text/plain") ?? ""), true);
  pane.addEventListener("drop", (event) => take(event, event.dataTransfer?.getData("text/plain") ?? ""), true);
  pane.addEventListener("beforeinput", (event) => {
    if (event.inputType === "insertFromPaste" || event.inputType === "insertFromDrop") take(event, event.data ?? event.dataTransfer?.getData("text/plain") ?? "");
  }, true);
}
