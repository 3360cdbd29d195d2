// The entry: htmx's manners, then every part of ours. Loaded as a module after htmx.min.js, under a CSP without inline code or eval.
import { startTicker } from "./ticker.js";
import { startToasts, toast } from "./toast.js";
import { startCopy } from "./copy.js";
import { openAuto, startDialogs } from "./dialog.js";
import { startMenus } from "./menu.js";
import { startTheme } from "./theme.js";
import { startOnce } from "./once.js";
import { busy, startLive, toLogin } from "./live.js";
import { startPalette } from "./palette.js";

function startHtmx() {
  const token = document.querySelector("meta[name=csrf-token]")?.content;
  // what the reader opened stays open when the server's answer is morphed in
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
    // somebody began to type while the live answer was on its way
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
