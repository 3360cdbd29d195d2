// The terminal's page: one tab per shell, search, options, the words when something ends.
import "./nonce.js";

const version = new URL(import.meta.url).search; // our own modules change together
const [{ Link }, { createScreen, readTheme }, { startKeybar }, { startPaste }] = await Promise.all([
  import("./link.js" + version),
  import("./screen.js" + version),
  import("./keybar.js" + version),
  import("./paste.js" + version),
]);

const $ = (selector, root = document) => root.querySelector(selector);
const root = $("[data-terminal-root]");
const panes = $("[data-panes]");
const tablist = $("[data-tabs]");
const banner = $("[data-banner]");
const encoder = new TextEncoder();
const csrf = $("meta[name=csrf-token]").content;
const remembered = `berth-terminal-${root.dataset.allocation}`;
const tabs = [];
let active = null;
let fontSize = Number(stored("size")) || (innerWidth < 600 ? 12 : 14);
let reader = stored("reader") === "1";
let answers = stored("answers") === "1";
let withControl = (text) => text;
let counter = 0;

function stored(name, value) {
  try {
    if (value === undefined) return localStorage.getItem(`berth-terminal-${name}`);
    localStorage.setItem(`berth-terminal-${name}`, value);
  } catch { /* a browser that keeps nothing still has a terminal */ }
  return null;
}

const STATES = {
  opening: () => "Opening a shell…",
  reconnecting: () => "Network lost. Your shell is still running; reconnecting… What you type now is not sent.",
};

function say(tab) {
  const text = tab.words ? "" : tab.state === "open" ? tab.closing : STATES[tab.state]?.(tab.attempts) ?? "";
  const slow = tab.state !== "opening" || tab.attempts > 1;
  if (tab === active) {
    banner.hidden = !text || !slow;
    if (slow) $("[data-banner-text]").textContent = text;
  }
  tab.button.dataset.state = tab.words ? "ended" : tab.state;
  $("[data-tab-state]", tab.button).textContent = tab.words ? ", ended" : tab.state === "open" ? "" : ", reconnecting";
}

function addTab(terminalId, focus = true) {
  counter += 1;
  const pane = $("template[data-pane]").content.firstElementChild.cloneNode(true);
  const button = $("template[data-tab]").content.firstElementChild.cloneNode(true);
  pane.id = `shell-${counter}`;
  button.id = `tab-${counter}`;
  button.setAttribute("aria-controls", pane.id);
  pane.setAttribute("aria-labelledby", button.id);
  $("[data-tab-name]", button).textContent = `Shell ${counter}`;
  panes.append(pane);
  tablist.append(button);
  const tab = { pane, button, state: "opening", attempts: 0, words: null, quiet: 0, closing: "" };
  tabs.push(tab);
  select(tab);
  Object.assign(tab, createScreen({
    place: $("[data-screen]", pane),
    fontSize,
    reader,
    mayAnswer: () => answers && tab.link && tab.link.shown >= tab.quiet,
    openLink,
  }));
  startPaste(pane, tab.term, askLines);
  tab.type = (text) => tab.link.type(encoder.encode(text));
  tab.term.onData((text) => tab.type(withControl(text)));
  tab.term.onBinary((text) => tab.link.type(Uint8Array.from(text, (sign) => sign.charCodeAt(0))));
  tab.term.attachCustomKeyEventHandler((event) => shortcut(event, tab));
  tab.fit.fit();
  tab.term.onResize((size) => tab.link.resize({ cols: size.cols, rows: size.rows }));
  tab.link = new Link({
    tokenUrl: root.dataset.tokenUrl,
    csrf,
    terminalId,
    size: () => ({ cols: tab.term.cols, rows: tab.term.rows }),
    on: listener(tab),
  });
  if (focus) takeFocus(tab);
  return tab;
}

// A shell that becomes ready while a menu is open leaves the focus there: taking it would close the menu under the hand.
function takeFocus(tab) {
  if (!document.querySelector("details[data-menu][open]")) tab.term.focus();
}

function listener(tab) {
  let missed = 0;
  return {
    attached: (frame) => {
      tab.quiet = frame.end;
      remember();
    },
    output: (bytes, shown) => {
      if (missed) { // the server draws the screen anew, from a reset on: what is missing is said above it
        tab.term.reset();
        tab.term.write(`\x1b[2m… ${size(missed)} of output passed while this window was away …\x1b[0m${"\r\n".repeat(tab.term.rows)}\x1b[H`);
        if (bytes[0] === 0x1b && bytes[1] === 0x63) bytes = bytes.subarray(2);
        missed = 0;
      }
      tab.term.write(bytes, shown);
    },
    gap: (bytes) => { missed = bytes; },
    state: (state, attempts) => {
      tab.state = state;
      tab.attempts = attempts;
      say(tab);
    },
    closing: (seconds) => {
      const at = new Date(Date.now() + seconds * 1000).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
      tab.closing = `The portal is being updated: this shell ends at ${at}. New shells are not affected.`;
      say(tab);
    },
    ended: (words) => showEnd(tab, words),
  };
}

function size(bytes) {
  return bytes < 1e6 ? `${Math.max(1, Math.round(bytes / 1e3))} kB` : `${(bytes / 1e6).toFixed(1)} MB`;
}

function showEnd(tab, words) {
  tab.words = words;
  const card = $("[data-end]", tab.pane);
  $("[data-end-reason]", card).textContent = words.reason;
  $("[data-end-advice]", card).textContent = words.advice;
  for (const action of card.querySelectorAll("[data-next]")) action.hidden = !action.dataset.next.split(" ").includes(words.next);
  card.hidden = false;
  tab.term.options.disableStdin = true;
  tab.term.options.cursorBlink = false;
  if (words.next === "machines") $(".term__state").hidden = true; // it is not active any more
  say(tab);
  remember();
  if (tab === active) ([...card.querySelectorAll("[data-next]:not([hidden])")][0] ?? card).focus();
}

function select(tab) {
  active = tab;
  for (const other of tabs) {
    const on = other === tab;
    other.pane.hidden = !on;
    other.button.setAttribute("aria-selected", String(on));
    other.button.tabIndex = on ? 0 : -1;
  }
  if (!tab.term) return;
  tab.fit.fit();
  say(tab);
  remember();
  if (!tab.words) takeFocus(tab);
}

function closeTab(tab) {
  tab.link.leave();
  tab.term.dispose();
  tab.pane.remove();
  tab.button.remove();
  tabs.splice(tabs.indexOf(tab), 1);
  if (tab === active) tabs.length ? select(tabs.at(-1)) : location.assign(root.dataset.machineUrl);
  remember();
}

function reopen(tab) {
  const at = tabs.indexOf(tab);
  const next = addTab(null);
  tabs.splice(tabs.indexOf(next), 1);
  tabs.splice(at, 0, next);
  tab.button.after(next.button);
  closeTab(tab);
}

function remember() {
  if (active?.link?.terminalId) sessionStorage.setItem(remembered, active.link.terminalId);
  $("[data-new]").disabled = tabs.filter((tab) => !tab.words).length >= Number(root.dataset.most);
}

// -- links, search, options ------------------------------------------------------------------------------------------

function openLink(address) {
  let url;
  try {
    url = new URL(address);
  } catch {
    return;
  }
  if (url.protocol !== "https:" && url.protocol !== "http:") return;
  const dialog = $("#open-link");
  $("[data-link-text]", dialog).textContent = url.href;
  $("[data-link-go]", dialog).onclick = () => {
    dialog.close();
    window.open(url.href, "_blank", "noopener,noreferrer");
  };
  dialog.showModal();
}

function askLines(text, paste) {
  const dialog = $("#paste-lines");
  const lines = text.split(/\r\n|\r|\n/);
  $("[data-paste-text]", dialog).textContent = lines.slice(0, 12).join("\n") + (lines.length > 12 ? `\n… and ${lines.length - 12} more lines` : "");
  $("[data-paste-go]", dialog).onclick = () => {
    dialog.close();
    paste();
    active?.term.focus();
  };
  dialog.showModal();
}

const finder = $("[data-find]");
const needle = $("[data-find-text]");

function find(back = false) {
  const found = needle.value === "" || active.search[back ? "findPrevious" : "findNext"](needle.value, { incremental: !back });
  $("[data-find-none]").hidden = found;
}

function toggleFinder(show) {
  finder.hidden = !show;
  if (show) {
    needle.value = active.term.getSelection().split("\n")[0] || needle.value;
    needle.select();
    needle.focus();
  } else {
    active.search.clearDecorations();
    active.term.focus();
  }
}

function shortcut(event, tab) {
  if (event.type !== "keydown" || !event.ctrlKey || !event.shiftKey) return true;
  const key = event.key.toLowerCase();
  if (key === "f") toggleFinder(true);
  else if (key === "l") tab.button.focus();
  else if (key === "c" && tab.term.hasSelection()) navigator.clipboard?.writeText(tab.term.getSelection());
  else if (key === "v") return false; // the browser's own paste event follows
  else return true;
  event.preventDefault();
  return false;
}

function setFontSize(next) {
  fontSize = Math.max(8, Math.min(28, next));
  stored("size", String(fontSize));
  $("[data-size]").textContent = `${fontSize} px`;
  for (const tab of tabs) {
    tab.term.options.fontSize = fontSize;
    if (tab === active) tab.fit.fit();
  }
}

function recolour() {
  const theme = readTheme();
  for (const tab of tabs) tab.term.options.theme = theme;
}

function startPage() {
  tablist.addEventListener("click", (event) => {
    const button = event.target.closest("[role=tab]");
    if (button) select(tabs.find((tab) => tab.button === button));
  });
  tablist.addEventListener("keydown", (event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step) return;
    event.preventDefault();
    const next = tabs[(tabs.indexOf(active) + step + tabs.length) % tabs.length];
    select(next);
    next.button.focus();
  });
  panes.addEventListener("click", (event) => {
    const act = event.target.closest("[data-act]")?.dataset.act;
    if (act === "reopen") reopen(active);
    else if (act === "close") closeTab(active);
  });
  $("[data-new]").addEventListener("click", () => addTab(null));
  $("[data-close-shell]").addEventListener("click", () => (active.words ? closeTab(active) : active.link.closeShell()));
  $("[data-search]").addEventListener("click", () => toggleFinder(finder.hidden));
  $("[data-find-close]").addEventListener("click", () => toggleFinder(false));
  $("[data-find-back]").addEventListener("click", () => find(true));
  $("[data-find-next]").addEventListener("click", () => find());
  needle.addEventListener("input", () => find());
  finder.addEventListener("keydown", (event) => {
    if (event.key === "Escape") toggleFinder(false);
    else if (event.key === "Enter") find(event.shiftKey);
    else return;
    event.preventDefault();
  });
  $("[data-smaller]").addEventListener("click", () => setFontSize(fontSize - 1));
  $("[data-larger]").addEventListener("click", () => setFontSize(fontSize + 1));
  option("[data-reader]", reader, (on) => {
    reader = on;
    stored("reader", on ? "1" : "0");
    for (const tab of tabs) tab.term.options.screenReaderMode = on;
  });
  option("[data-answers]", answers, (on) => {
    answers = on;
    stored("answers", on ? "1" : "0");
  });
  withControl = startKeybar($("[data-keybar]"), () => active);
  document.addEventListener("berth:theme", recolour);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", recolour);
  let pending = 0;
  new ResizeObserver(() => {
    cancelAnimationFrame(pending);
    pending = requestAnimationFrame(() => active?.fit.fit());
  }).observe(panes);
}

function option(selector, value, change) {
  const box = $(selector);
  box.checked = value;
  box.addEventListener("change", () => change(box.checked));
}

await Promise.all([document.fonts.load('14px "Plex Mono"'), document.fonts.load('600 14px "Plex Mono"')]).catch(() => null);
startPage();
setFontSize(fontSize);
const shells = root.dataset.shells.split(" ").filter(Boolean);
for (const id of shells) addTab(id, false);
if (!shells.length) addTab(null);
const last = tabs.find((tab) => tab.link.terminalId && tab.link.terminalId === sessionStorage.getItem(remembered));
select(last ?? tabs[0]);
root.dataset.ready = "";
