// Our API from a page of ours. What may be repeated is repeated, with the same idempotency key, until it is answered: a lost network is
// waited out. Refused makes an answer of 4xx readable; Stopped says that somebody pressed pause or cancel.
const LONGEST_MS = 20000;

export class Refused extends Error {
  constructor(status, code, message) {
    super(message);
    this.status = status;
    this.code = code;
  }
}

export class Stopped extends Error {}

// Waits longer each time, with some chance in it; a network that is back ends the wait.
export function wait(attempt, signal, least = 0) {
  const ceiling = Math.min(LONGEST_MS, 400 * 2 ** Math.min(attempt, 6));
  const ms = Math.max(least, ceiling / 2 + Math.random() * (ceiling / 2));
  return new Promise((resolve, reject) => {
    const end = (act) => () => {
      clearTimeout(timer);
      window.removeEventListener("online", go);
      signal?.removeEventListener("abort", stop);
      act();
    };
    const go = end(resolve);
    const stop = end(() => reject(new Stopped()));
    const timer = setTimeout(go, ms);
    window.addEventListener("online", go);
    signal?.addEventListener("abort", stop);
    if (signal?.aborted) stop();
  });
}

function key() {
  return [...crypto.getRandomValues(new Uint8Array(12))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

async function read(answer) {
  try {
    return await answer.json();
  } catch {
    return {};
  }
}

export async function call(method, path, body, signal) {
  const headers = { accept: "application/json" };
  if (method !== "GET") {
    headers["x-csrftoken"] = document.querySelector("meta[name=csrf-token]")?.content ?? "";
    headers["x-idempotency-key"] = key();
  }
  if (body !== undefined) headers["content-type"] = "application/json";
  for (let attempt = 0; ; attempt += 1) {
    let answer;
    try {
      answer = await fetch("/api/v1/storage" + path, { method, headers, body: body === undefined ? undefined : JSON.stringify(body), signal });
    } catch {
      if (signal?.aborted) throw new Stopped();
      await wait(attempt, signal);
      continue;
    }
    const content = await read(answer);
    if (answer.ok || content.items) return content; // of several items each says what became of it, also where none was taken
    const error = content.error ?? {};
    const again = answer.status === 429 || answer.status >= 500 || error.code === "idempotency_in_progress";
    if (!again || (answer.status === 500 && attempt > 4)) throw new Refused(answer.status, error.code ?? "unknown", error.message ?? "Berth could not do this.");
    await wait(attempt, signal, 1000 * Number(answer.headers.get("retry-after") ?? 0));
  }
}
