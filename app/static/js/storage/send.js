// Bytes to the file store: digest a piece, put it, and say what became of it. Nothing larger than one piece is ever in memory.
import { Stopped, wait } from "./api.js";

export async function digest(blob) {
  const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", await blob.arrayBuffer()));
  return btoa(String.fromCharCode(...hash));
}

// One attempt. Resolves with the status; 0 means that the network failed.
function putOnce(put, blob, onSent, signal) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    const stop = () => request.abort();
    const end = (act) => () => {
      signal.removeEventListener("abort", stop);
      act();
    };
    request.open("PUT", put.url);
    for (const [name, value] of Object.entries(put.headers)) request.setRequestHeader(name, value);
    request.upload.addEventListener("progress", (event) => onSent(Math.min(event.loaded, blob.size)));
    request.addEventListener("load", end(() => resolve(request.status)));
    request.addEventListener("error", end(() => resolve(0)));
    request.addEventListener("abort", end(() => reject(new Stopped())));
    if (signal.aborted) return reject(new Stopped());
    signal.addEventListener("abort", stop);
    request.send(blob);
  });
}

// An address says how many seconds are left to begin sending; when it came is counted here, because clocks differ.
export function received(put) {
  if (put) put.until = performance.now() + put.expires_in * 800;
  return put;
}

function isOver(put) {
  return put && performance.now() > put.until;
}

// Puts until it is there. `fresh` gives a new address when the old one's time is over, or null when the upload is not there any more, which
// it has said already. Resolves with false when the bytes are not those that were announced: the file has changed meanwhile.
export async function putAll(put, blob, fresh, onSent, signal) {
  let address = put;
  let refusals = 0;
  for (let attempt = 0; ; attempt += 1) {
    if (isOver(address)) address = await fresh();
    if (!address) return null;
    const status = await putOnce(address, blob, onSent, signal);
    if (status >= 200 && status < 300) {
      onSent(blob.size);
      return true;
    }
    onSent(0);
    if (status === 400) return false;
    if (status === 403 || status === 404) {
      refusals += 1;
      if (refusals > 3) return false;
      address = await fresh();
      continue;
    }
    await wait(attempt, signal);
  }
}

// At most `count` at once; the others stand in line.
export class Slots {
  constructor(count) {
    this.free = count;
    this.line = [];
  }

  async run(work) {
    if (this.free > 0) this.free -= 1;
    else await new Promise((resolve) => this.line.push(resolve));
    try {
      return await work();
    } finally {
      const next = this.line.shift();
      if (next) next();
      else this.free += 1;
    }
  }
}
