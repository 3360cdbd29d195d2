const SYMBOLS = { USD: "$", EUR: "€", GBP: "£", JPY: "¥" };
const MINUS = "\u2212";
let skew = 0;
function setServerClock(iso) {
  if (iso) skew = Date.parse(iso) - Date.now();
}
function formatMoney(micro, currency = "USD") {
  const negative = micro < 0;
  const minor = currency === "JPY" || currency === "KRW" ? 0 : 2;
  const step = 10 ** (6 - minor);
  const size = Math.abs(Math.trunc(micro));
  let units = Math.floor(size / step);
  const twice = (size - units * step) * 2;
  if (twice > step || (twice === step && units % 2 === 1)) units += 1;
  let digits = minor;
  if (units === 0 && size > 0) {
    units = size;
    for (digits = 6; digits > minor && units % 10 === 0; digits -= 1) units /= 10;
  }
  const whole = Math.floor(units / 10 ** digits);
  const rest = digits ? "." + String(units % 10 ** digits).padStart(digits, "0") : "";
  const symbol = SYMBOLS[currency] ?? currency + "\u00a0";
  return (negative ? MINUS : "") + symbol + whole.toLocaleString("en-US") + rest;
}
function formatDuration(seconds) {
  const s = Math.max(0, Math.trunc(seconds));
  if (s < 60) return s + " s";
  if (s < 3600) return Math.floor(s / 60) + " m " + String(s % 60).padStart(2, "0") + " s";
  if (s < 86400) return Math.floor(s / 3600) + " h " + String(Math.floor((s % 3600) / 60)).padStart(2, "0") + " m";
  return Math.floor(s / 86400) + " d " + Math.floor((s % 86400) / 3600) + " h";
}
function formatRelative(seconds) {
  const left = Math.trunc(Math.abs(seconds));
  if (left < 10) return seconds > 0 ? "now" : "just now";
  let text;
  if (left < 60) text = left + " s";
  else if (left < 3600) text = Math.floor(left / 60) + " min";
  else if (left < 172800) text = Math.floor(left / 3600) + " h";
  else text = Math.floor(left / 86400) + " d";
  return seconds > 0 ? "in " + text : text + " ago";
}
function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}
function tick() {
  if (document.hidden) return;
  const now = Date.now() + skew;
  for (const element of document.querySelectorAll("[data-tick-from]")) {
    const seconds = (now - Date.parse(element.dataset.tickFrom)) / 1000;
    const rate = element.dataset.rateMicroPerHour;
    if (rate === undefined) setText(element, formatDuration(seconds));
    else if (rate !== "0") {
      const base = Number(element.dataset.baseMicro ?? 0);
      let micro = base + Math.trunc((Number(rate) * Math.max(0, seconds)) / 3600);
      if (base >= 0 && Number(rate) < 0) micro = Math.max(0, micro);
      setText(element, formatMoney(Math.trunc(micro / 10000) * 10000, element.dataset.currency));
    }
  }
  for (const element of document.querySelectorAll("time[data-relative]")) {
    setText(element, formatRelative((Date.parse(element.dateTime) - now) / 1000));
  }
}
function startTicker() {
  setServerClock(document.body.dataset.now);
  setInterval(tick, 1000);
  document.addEventListener("visibilitychange", tick);
}
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
function toast(message, tone = "good") {
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
function startToasts() {
  const room = document.getElementById("toasts");
  if (!room) return;
  new MutationObserver((records) => {
    for (const record of records) for (const node of record.addedNodes) if (node instanceof HTMLElement && node.matches("[data-toast]")) watch(node);
  }).observe(room, { childList: true });
  room.addEventListener("click", (event) => event.target.closest("[data-toast-close]")?.closest("[data-toast]")?.remove());
  document.addEventListener("toast", (event) => toast(String(event.detail?.message ?? event.detail?.value ?? ""), event.detail?.tone));
}
async function put(text) {
  if (navigator.clipboard && window.isSecureContext) return navigator.clipboard.writeText(text);
  const area = document.createElement("textarea");
  area.value = text;
  area.className = "sr";
  document.body.append(area);
  area.select();
  const done = document.execCommand("copy");
  area.remove();
  if (!done) throw new Error("copy refused");
}
function startCopy(announce) {
  document.addEventListener("click", async (event) => {
    const button = event.target.closest?.("[data-copy]");
    if (!button) return;
    try {
      await put(button.dataset.copy);
      button.dataset.copied = "";
      setTimeout(() => delete button.dataset.copied, 1500);
      announce("Copied");
    } catch {
      announce("The browser refused to copy. Select the text and copy it by hand.", "warn");
    }
  });
}
function arm(form) {
  const input = form.querySelector("[name=confirm_name]");
  const button = form.querySelector("button[type=submit]");
  if (input && button) button.disabled = input.value !== form.dataset.confirmName;
}
function openAuto(root = document) {
  for (const dialog of root.querySelectorAll("dialog[data-dialog-auto]")) if (!dialog.open) dialog.showModal();
}
function startDialogs() {
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
function startMenus() {
  const opened = () => document.querySelectorAll("details[data-menu][open]");
  document.addEventListener("click", (event) => {
    for (const menu of opened()) if (!menu.contains(event.target)) menu.open = false;
  });
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    for (const menu of opened()) {
      menu.open = false;
      menu.querySelector("summary")?.focus();
    }
  });
  document.addEventListener("focusin", (event) => {
    for (const menu of opened()) if (!menu.contains(event.target)) menu.open = false;
  });
}
const YEAR_S = 31536000;
function apply(theme) {
  document.documentElement.dataset.theme = theme;
  const secure = location.protocol === "https:" ? "; secure" : "";
  document.cookie = `berth_theme_${document.body.dataset.instance}=${theme}; path=/; max-age=${YEAR_S}; samesite=lax${secure}`;
  for (const button of document.querySelectorAll("[data-theme-switch] button")) button.setAttribute("aria-pressed", String(button.value === theme));
  document.dispatchEvent(new CustomEvent("berth:theme", { detail: { theme } }));
}
function startTheme() {
  document.addEventListener("submit", (event) => {
    if (!event.target.matches("[data-theme-switch]") || !event.submitter) return;
    event.preventDefault();
    apply(event.submitter.value);
  });
}
const sending = new WeakSet();
function release(form) {
  sending.delete(form);
  for (const button of form.querySelectorAll("button[aria-busy]")) {
    button.removeAttribute("aria-busy");
    button.disabled = false;
  }
}
function startOnce() {
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
const FIRST_DELAY_MS = 500;
const LONGEST_DELAY_MS = 20000;
const SAY_AFTER_MS = 2500;
const LEAVING_MS = 10000; // a page that is still here then stays
const SESSION_ENDED = 4401;
const TONES = { active: "good", attention: "warn", failed: "bad" };
const waiting = new Set();
let socket = null;
let attempts = 0;
let opened = false;
let sayTimer = 0;
let retryTimer = 0;
let leavingUntil = 0;
function changed(control) {
  if (control instanceof HTMLSelectElement) return [...control.options].some((option) => option.selected !== option.defaultSelected) && control.selectedIndex > 0;
  if (control.type === "checkbox" || control.type === "radio") return control.checked !== control.defaultChecked;
  if (control.type === "hidden" || control.type === "submit" || control.type === "button") return false;
  return control.value !== control.defaultValue;
}
function busy(element) {
  const active = document.activeElement;
  if (active && element.contains(active) && active.matches("input, select, textarea")) return true;
  if (element.querySelector("dialog[open]")) return true;
  for (const form of element.querySelectorAll("form")) if ([...form.elements].some((c) => "defaultValue" in c || c instanceof HTMLSelectElement ? changed(c) : false)) return true;
  return false;
}
function refresh(element) {
  if (document.hidden || busy(element)) waiting.add(element);
  else element.dispatchEvent(new CustomEvent("live", { bubbles: false }));
}
function flush() {
  for (const element of [...waiting]) {
    waiting.delete(element);
    if (element.isConnected) refresh(element);
  }
}
function refreshAll() {
  document.querySelectorAll("[data-live]").forEach(refresh);
}
function receive(text) {
  let message;
  try {
    message = JSON.parse(text);
  } catch {
    return;
  }
  const topics = new Set(message.topics ?? []);
  if (message.item) showItem(message.item);
  for (const element of document.querySelectorAll("[data-live]")) {
    if (element.dataset.live.split(/\s+/).some((topic) => topics.has(topic))) refresh(element);
  }
}
async function showItem(id) {
  if (document.hidden) return;
  const answer = await fetch(`/api/v1/notifications/${encodeURIComponent(id)}`).catch(() => null);
  if (!answer?.ok) return;
  const { title, state } = await answer.json();
  toast(title, TONES[state] ?? "wait");
}
function say(text) {
  const place = document.getElementById("connection");
  if (place && place.textContent !== text) place.textContent = text;
}
function retry() {
  attempts += 1;
  const ceiling = Math.min(LONGEST_DELAY_MS, FIRST_DELAY_MS * 2 ** Math.min(attempts, 8));
  clearTimeout(retryTimer);
  retryTimer = setTimeout(connect, ceiling / 2 + Math.random() * (ceiling / 2));
  if (!sayTimer) sayTimer = setTimeout(() => say("Reconnecting…"), SAY_AFTER_MS);
}
function connect() {
  const url = document.body.dataset.liveUrl;
  if (!url || (socket && socket.readyState <= WebSocket.OPEN)) return;
  const address = new URL(url, location.href);
  address.protocol = location.protocol === "https:" ? "wss:" : "ws:";
  socket = new WebSocket(address);
  socket.addEventListener("open", () => {
    clearTimeout(sayTimer);
    sayTimer = 0;
    say("");
    if (opened || performance.now() > 2000) refreshAll();
    opened = true;
    attempts = 0;
  });
  socket.addEventListener("message", (event) => receive(event.data));
  socket.addEventListener("close", (event) => {
    socket = null;
    if (event.code === SESSION_ENDED) toLogin();
    else retry();
  });
}
function toLogin() {
  setTimeout(() => {
    const next = location.pathname + location.search;
    location.assign((document.body.dataset.login || "/login") + "?next=" + encodeURIComponent(next));
  }, Math.max(0, leavingUntil - performance.now()));
}
function startLive() {
  addEventListener("beforeunload", () => {
    leavingUntil = performance.now() + LEAVING_MS;
    for (const part of document.querySelectorAll("[data-live].htmx-request")) part.dispatchEvent(new Event("htmx:abort"));
  });
  if (!document.body.dataset.liveUrl) return;
  connect();
  document.addEventListener("visibilitychange", () => { if (!document.hidden) flush(); });
  document.addEventListener("focusout", () => setTimeout(flush, 200));
  document.addEventListener("reset", () => setTimeout(flush));
  document.addEventListener("close", () => setTimeout(flush), true);
  window.addEventListener("online", () => { if (!socket) connect(); });
  window.addEventListener("pagehide", () => { clearTimeout(retryTimer); socket?.close(); });
  window.addEventListener("pageshow", (event) => { if (event.persisted) connect(); });
}
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
function startPalette() {
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
function startHtmx() {
  const token = document.querySelector("meta[name=csrf-token]")?.content;
  window.htmx?.registerExtension("berth", {
    htmx_before_morph_attr: (element, detail) => !(detail.attrName === "open" && element.matches("details, dialog")),
  });
  document.addEventListener("htmx:config:request", (event) => {
    const { request } = event.detail.ctx;
    if (token && request.method !== "GET") request.headers["X-CSRFToken"] = token;
  });
  document.addEventListener("htmx:before:response", (event) => {
    const { response, hx } = event.detail.ctx;
    if (response.status !== 401 || hx?.redirect) return;
    event.preventDefault();
    toLogin();
  });
  document.addEventListener("htmx:before:swap", (event) => {
    const { ctx } = event.detail;
    if (ctx.sourceEvent?.type === "live" && ctx.sourceElement && busy(ctx.sourceElement)) event.preventDefault();
  });
  document.addEventListener("htmx:after:swap", () => openAuto());
  document.addEventListener("htmx:error", (event) => {
    if (event.detail?.ctx?.sourceEvent?.type === "live") return; // the live line says "Reconnecting…" itself
    toast("Berth could not be reached. Nothing you typed is lost; try again.", "bad");
  });
}
startHtmx();
startPalette();
startTicker();
startToasts();
startCopy(toast);
startDialogs();
startMenus();
startTheme();
startOnce();
startLive();
