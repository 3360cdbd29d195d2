// One WebSocket per tab. The server says which topics changed; every element that named one (data-live="money allocation:ID") gets a
// `live` event and refetches itself (hx-get, hx-trigger="live"). A form that is being filled is never touched.
import { toast } from "./toast.js";

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

// A swap would lose work: the focus is in a form inside, something typed is unsaved, or a dialog is open there.
export function busy(element) {
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

// Something important came: its words are asked for, because the socket carries none. Who may not read them is not told.
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
    // what happened while nobody listened; a fresh page was rendered a moment ago
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

export function toLogin() {
  setTimeout(() => {
    const next = location.pathname + location.search;
    location.assign((document.body.dataset.login || "/login") + "?next=" + encodeURIComponent(next));
  }, Math.max(0, leavingUntil - performance.now()));
}

export function startLive() {
  // a page that is left ends what it was refetching, instead of reporting it as failed; and where its own form ended
  // the session, the answer to that form counts
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
