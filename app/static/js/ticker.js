// Figures that move between two answers of the server: costs, balances, durations, "3 min ago". Repeats app/shared/formats.py.
const SYMBOLS = { USD: "$", EUR: "€", GBP: "£", JPY: "¥" };
const MINUS = "\u2212";
let skew = 0;

export function setServerClock(iso) {
  if (iso) skew = Date.parse(iso) - Date.now();
}

export function formatMoney(micro, currency = "USD") {
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

export function formatDuration(seconds) {
  const s = Math.max(0, Math.trunc(seconds));
  if (s < 60) return s + " s";
  if (s < 3600) return Math.floor(s / 60) + " m " + String(s % 60).padStart(2, "0") + " s";
  if (s < 86400) return Math.floor(s / 3600) + " h " + String(Math.floor((s % 3600) / 60)).padStart(2, "0") + " m";
  return Math.floor(s / 86400) + " d " + Math.floor((s % 86400) / 3600) + " h";
}

export function formatRelative(seconds) {
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
      // whole cents while it moves: a flicker of tenths of a cent helps nobody
      setText(element, formatMoney(Math.trunc(micro / 10000) * 10000, element.dataset.currency));
    }
  }
  for (const element of document.querySelectorAll("time[data-relative]")) {
    setText(element, formatRelative((Date.parse(element.dateTime) - now) / 1000));
  }
}

export function startTicker() {
  setServerClock(document.body.dataset.now);
  setInterval(tick, 1000);
  document.addEventListener("visibilitychange", tick);
}
