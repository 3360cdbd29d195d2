const LONGEST_MS = 20000;
class Refused extends Error {
  constructor(status, code, message) {
    super(message);
    this.status = status;
    this.code = code;
  }
}
class Stopped extends Error {}
function wait(attempt, signal, least = 0) {
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
async function call(method, path, body, signal) {
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
async function digest(blob) {
  const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", await blob.arrayBuffer()));
  return btoa(String.fromCharCode(...hash));
}
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
function received(put) {
  if (put) put.until = performance.now() + put.expires_in * 800;
  return put;
}
function isOver(put) {
  return put && performance.now() > put.until;
}
async function putAll(put, blob, fresh, onSent, signal) {
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
class Slots {
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
const SLOTS = 5; // a browser has six connections to one server; one stays free
const GROUP = 6; // parts that are digested and signed together
const BATCH = 50;
const LARGE_AT_ONCE = 2;
class Queue {
  constructor({ namespace, folder, single, onChange }) {
    this.namespace = namespace;
    this.folder = folder;
    this.single = single;
    this.onChange = onChange;
    this.items = [];
    this.known = new Map(); // unfinished uploads of the server, by path and size
    this.slots = new Slots(SLOTS);
    this.paused = false;
    this.problem = "";
    this.stopper = new AbortController();
    this.running = null;
  }
  async findUnfinished() {
    for (let cursor = ""; cursor !== null; ) {
      const query = new URLSearchParams({ namespace: this.namespace, limit: "200", ...(cursor && { cursor }) });
      const page = await call("GET", "/uploads?" + query);
      for (const upload of page.items) this.known.set(upload.path + "\n" + upload.size, upload);
      cursor = page.next_cursor;
    }
    return [...this.known.values()];
  }
  async forgetUnfinished() {
    for (const upload of this.known.values()) await this.cancelOnServer(upload.id);
    this.known.clear();
  }
  add(found) {
    for (const { file, path } of found) {
      const whole = ((this.folder ? this.folder + "/" : "") + path).normalize("NFC");
      const upload = this.known.get(whole + "\n" + file.size);
      this.known.delete(whole + "\n" + file.size);
      this.items.push({ file, path: whole, size: file.size, state: "waiting", sent: 0, upload, again: Boolean(upload), overwrite: upload?.overwrite ?? false, error: "" });
    }
    this.start();
  }
  pause() {
    this.paused = true;
    this.stopper.abort();
    this.onChange();
  }
  async resume() {
    await this.running;
    this.paused = false;
    this.problem = "";
    this.stopper = new AbortController();
    this.start();
  }
  async cancel() {
    this.paused = true;
    this.stopper.abort();
    const left = this.items.filter((item) => item.state !== "done");
    for (const item of left) item.state = "skipped";
    this.onChange();
    await this.running;
    for (const item of left) if (item.upload) await this.cancelOnServer(item.upload.id);
    this.paused = false;
    this.stopper = new AbortController();
    this.onChange();
  }
  answer(replace) {
    for (const item of this.items) {
      if (item.state !== "asking") continue;
      item.state = replace ? "waiting" : "skipped";
      item.overwrite = replace;
    }
    this.start();
  }
  figures() {
    const count = { waiting: 0, asking: 0, sending: 0, done: 0, failed: 0, skipped: 0 };
    let size = 0;
    let sent = 0;
    for (const item of this.items) {
      count[item.state] += 1;
      if (["skipped", "failed", "asking"].includes(item.state)) continue;
      size += item.size;
      sent += item.state === "done" ? item.size : item.sent;
    }
    return { ...count, all: this.items.length, size, sent, busy: count.waiting + count.sending > 0 };
  }
  start() {
    this.onChange();
    if (this.paused || this.running) return;
    this.running = this.work().finally(() => {
      this.running = null;
      this.onChange();
      if (!this.paused && this.items.some((item) => item.state === "waiting")) this.start();
    });
  }
  async work() {
    const stopper = this.stopper;
    const lanes = [this.smallOnes(stopper.signal), ...Array.from({ length: LARGE_AT_ONCE }, () => this.largeOnes(stopper.signal))];
    await Promise.all(lanes.map((lane) => lane.catch((error) => this.stop(error, stopper))));
    for (const item of this.items) {
      if (item.state !== "sending") continue;
      item.state = "waiting"; // what has arrived is asked for when it goes on
      item.again = Boolean(item.upload);
    }
  }
  stop(error, stopper) {
    if (!(error instanceof Stopped)) {
      this.paused = true;
      this.problem = error instanceof Refused && error.status === 401 ? "Your session has ended. Sign in in another tab, then resume here." : error.message;
    }
    stopper.abort();
  }
  next(isLarge, count) {
    const some = [];
    for (const item of this.items) {
      if (item.state !== "waiting" || item.size > this.single !== isLarge) continue;
      if (some.length && item.overwrite !== some[0].overwrite) continue;
      some.push(item);
      if (some.length === count) break;
    }
    for (const item of some) item.state = "sending";
    return some;
  }
  async smallOnes(signal) {
    let ahead = this.prepare(signal);
    while (true) {
      const items = await ahead;
      if (!items.length) return;
      ahead = this.prepare(signal); // the next batch is announced while this one is sent
      ahead.catch(() => {});
      const arrived = [];
      await Promise.all(items.map((item) => this.slots.run(async () => (await this.sendSmall(item, signal)) && arrived.push(item))));
      await this.finish(arrived, signal);
    }
  }
  async prepare(signal) {
    while (true) {
      const items = this.next(false, BATCH);
      if (!items.length) return [];
      for (const item of items) item.sha256 = await this.digestOf(item, item.file);
      const fresh = items.filter((item) => item.state === "sending" && !item.upload);
      if (fresh.length) await this.announce(fresh, signal);
      const ready = items.filter((item) => item.state === "sending");
      if (ready.length) return ready;
    }
  }
  async digestOf(item, blob) {
    try {
      return await digest(blob);
    } catch {
      this.fail(item, "The file cannot be read. It may have been moved or changed.");
      return "";
    }
  }
  async announce(items, signal) {
    const body = {
      namespace: this.namespace,
      overwrite: items[0].overwrite,
      items: items.map((item) => ({ path: item.path, size: item.size, content_type: item.file.type, sha256: item.size > this.single ? "" : item.sha256 })),
    };
    const answer = await call("POST", "/uploads", body, signal);
    answer.items.forEach((begun, index) => {
      const item = items[index];
      if (begun.upload) {
        item.upload = begun.upload;
        item.put = received(begun.upload.put);
        item.again = false;
      } else if (begun.same_as) this.settle(item, "done");
      else if (begun.refused?.code === "storage_path_taken" && !item.overwrite) this.settle(item, "asking", begun.refused.message);
      else this.fail(item, begun.refused?.message ?? "This upload was finished or canceled elsewhere.");
    });
  }
  async sendSmall(item, signal) {
    if (item.again || !item.put) item.put = await this.freshPut(item, signal);
    if (!item.put) return false;
    const sent = (bytes) => this.progress(item, bytes);
    const arrived = await putAll(item.put, item.file, () => this.freshPut(item, signal), sent, signal);
    if (arrived === false) await this.beginAnew(item);
    return arrived;
  }
  async beginAnew(item) {
    if (item.upload) await this.cancelOnServer(item.upload.id);
    item.upload = undefined;
    item.put = undefined;
    item.again = false;
    if (item.retried) return this.fail(item, "The file changes while it is read.");
    item.retried = true;
    this.settle(item, "waiting");
  }
  async freshPut(item, signal) {
    const seen = await this.standOf(item, signal);
    return received(seen?.upload.put ?? null);
  }
  async standOf(item, signal) {
    try {
      return await call("GET", "/uploads/" + item.upload.id, undefined, signal);
    } catch (error) {
      if (!(error instanceof Refused) || error.status !== 404) throw error;
      item.upload = undefined;
      item.put = undefined;
      item.again = false;
      this.settle(item, "waiting");
      return null;
    }
  }
  async largeOnes(signal) {
    for (let [item] = this.next(true, 1); item; [item] = this.next(true, 1)) {
      if (!item.upload) await this.announce([item], signal);
      if (item.state !== "sending") continue;
      const stored = new Map();
      if (item.again) {
        const seen = await this.standOf(item, signal);
        if (!seen) continue;
        for (const part of seen.parts) stored.set(part.number, part.sha256);
      }
      if (await this.sendParts(item, stored, signal)) await this.finish([item], signal);
    }
  }
  async sendParts(item, stored, signal) {
    const each = item.upload.part_size;
    const count = Math.ceil(item.size / each);
    const sent = new Array(count + 1).fill(0);
    const onSent = (number) => (bytes) => {
      sent[number] = bytes;
      this.progress(item, sent.reduce((sum, some) => sum + some, 0));
    };
    const sliceOf = (number) => item.file.slice((number - 1) * each, Math.min(item.size, number * each));
    const prepare = async (first) => {
      const parts = [];
      for (let number = first; number < Math.min(first + GROUP, count + 1); number += 1) {
        const sha256 = await this.digestOf(item, sliceOf(number));
        if (item.state !== "sending") return [];
        if (stored.get(number) === sha256) onSent(number)(sliceOf(number).size);
        else parts.push({ number, sha256 });
      }
      return parts.length ? (await this.sign(item, parts, signal)).map((ticket, index) => ({ ...parts[index], put: ticket.put })) : [];
    };
    let ahead = prepare(1);
    for (let first = 1; first <= count; first += GROUP) {
      const parts = await ahead;
      ahead = first + GROUP <= count ? prepare(first + GROUP) : null;
      ahead?.catch(() => {});
      const outcomes = await Promise.all(parts.map((part) => this.slots.run(() => {
        const fresh = async () => (await this.sign(item, [{ number: part.number, sha256: part.sha256 }], signal))[0].put;
        return putAll(part.put, sliceOf(part.number), fresh, onSent(part.number), signal);
      })));
      if (item.state !== "sending") return false;
      if (outcomes.includes(false)) {
        await this.beginAnew(item);
        return false;
      }
    }
    return true;
  }
  async sign(item, parts, signal) {
    const { items } = await call("POST", "/uploads/" + item.upload.id + "/parts", { parts }, signal);
    for (const { put } of items) received(put);
    return items;
  }
  async finish(items, signal) {
    if (!items.length) return;
    const answer = await call("POST", "/uploads/finish", { ids: items.map((item) => item.upload.id), overwrite: items[0].overwrite }, signal);
    answer.items.forEach((done, index) => {
      const item = items[index];
      if (!done.refused) this.settle(item, "done");
      else if (done.refused.code === "storage_path_taken") this.settle(item, "asking", done.refused.message);
      else if (!item.retried) {
        item.retried = true;
        item.again = true;
        this.settle(item, "waiting");
      } else this.fail(item, done.refused.message);
    });
  }
  async cancelOnServer(id) {
    try {
      await call("DELETE", "/uploads/" + id);
    } catch (error) {
      if (!(error instanceof Refused)) throw error; // finished or canceled already
    }
  }
  progress(item, bytes) {
    item.sent = bytes;
    this.onChange();
  }
  settle(item, state, error = "") {
    if (item.state === "skipped") return; // canceled meanwhile
    item.state = state;
    item.error = error;
    if (state !== "done") item.sent = 0;
    this.onChange();
  }
  fail(item, message) {
    this.settle(item, "failed", message);
  }
}
function entriesIn(reader) {
  return new Promise((resolve, reject) => reader.readEntries(resolve, reject));
}
async function walk(entry, prefix, found) {
  if (entry.isFile) {
    const file = await new Promise((resolve, reject) => entry.file(resolve, reject));
    found.push({ file, path: prefix + entry.name });
    return;
  }
  const reader = entry.createReader();
  for (let some = await entriesIn(reader); some.length; some = await entriesIn(reader)) {
    for (const each of some) await walk(each, prefix + entry.name + "/", found);
  }
}
function fromDrop(transfer) {
  const entries = [...transfer.items].filter((item) => item.kind === "file").map((item) => item.webkitGetAsEntry?.() ?? item.getAsFile());
  return (async () => {
    const found = [];
    for (const entry of entries) {
      if (entry instanceof File) found.push({ file: entry, path: entry.name });
      else if (entry) await walk(entry, "", found);
    }
    return found;
  })();
}
function fromField(input) {
  return [...input.files].map((file) => ({ file, path: file.webkitRelativePath || file.name }));
}
const ROW = 44;
const ORDER = { failed: 0, asking: 1, sending: 2, waiting: 3, done: 4, skipped: 5 };
const WINDOW_MS = 6000;
const SAY_MS = 20000;
const UNSEEN = /[\u0000-\u001f\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]/g;
function size(bytes) {
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let value = bytes;
  let unit = 0;
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit += 1;
  }
  return (unit === 0 || value >= 100 ? Math.round(value) : value.toFixed(1)) + " " + units[unit];
}
function span(seconds) {
  if (seconds < 60) return Math.max(1, Math.ceil(seconds)) + " s";
  if (seconds < 3600) return Math.ceil(seconds / 60) + " min";
  return Math.floor(seconds / 3600) + " h " + Math.ceil((seconds % 3600) / 60) + " min";
}
function files(count) {
  return count.toLocaleString("en") + (count === 1 ? " file" : " files");
}
class Panel {
  constructor(root, queue) {
    this.root = root;
    this.queue = queue;
    this.part = (name) => root.querySelector("[data-" + name + "]");
    this.points = [];
    this.rows = new Map();
    this.saidAt = 0;
    this.wasBusy = false;
    this.list = this.part("list");
    this.list.addEventListener("scroll", () => this.drawRows());
  }
  draw() {
    const figures = this.queue.figures();
    this.part("work").hidden = figures.all === 0;
    this.part("ask").hidden = figures.asking === 0;
    if (figures.asking) this.part("ask-text").textContent = this.question(figures.asking);
    const bar = this.part("bar");
    bar.max = Math.max(1, figures.size);
    bar.value = figures.size ? figures.sent : figures.busy ? 0 : 1;
    const sentence = this.sentence(figures);
    this.part("sum").textContent = sentence;
    this.part("pause").hidden = !figures.busy && !this.queue.paused;
    this.part("pause").firstElementChild.textContent = this.queue.paused ? "Resume" : "Pause";
    this.part("cancel").hidden = !figures.busy && !figures.asking;
    this.part("close").hidden = figures.busy || figures.asking > 0;
    this.say(sentence, figures.busy);
    this.shown = this.queue.items.map((item, index) => ({ item, index })).sort((a, b) => ORDER[a.item.state] - ORDER[b.item.state] || a.index - b.index);
    this.drawRows();
  }
  question(count) {
    const first = this.queue.items.find((item) => item.state === "asking");
    return count === 1 ? first.path + " is there already. Replace it?" : files(count) + " are there already. Replace them?";
  }
  sentence(figures) {
    const failed = figures.failed ? ", " + files(figures.failed) + " failed" : "";
    if (this.queue.problem) return this.queue.problem;
    if (!figures.busy) return files(figures.done) + " uploaded" + failed + (figures.skipped ? ", " + figures.skipped.toLocaleString("en") + " left out" : "") + ".";
    const so = figures.done.toLocaleString("en") + " of " + files(figures.all - figures.skipped) + ", " + size(figures.sent) + " of " + size(figures.size);
    if (this.queue.paused) return "Paused: " + so + failed + ".";
    if (!navigator.onLine) return "No network: " + so + ". It goes on by itself.";
    const rate = this.rate(figures.sent);
    return so + (rate ? ", " + size(rate) + "/s, " + span((figures.size - figures.sent) / rate) + " left" : "") + failed;
  }
  rate(sent) {
    const now = performance.now();
    this.points.push([now, sent]);
    while (this.points.length > 2 && now - this.points[0][0] > WINDOW_MS) this.points.shift();
    const [then, before] = this.points[0];
    return now - then > 800 && sent > before ? ((sent - before) * 1000) / (now - then) : 0;
  }
  say(sentence, busy) {
    const now = performance.now();
    if (busy === this.wasBusy && (!busy || now - this.saidAt < SAY_MS)) return;
    this.wasBusy = busy;
    this.saidAt = now;
    this.part("said").textContent = sentence;
  }
  drawRows() {
    const shown = this.shown ?? [];
    this.list.style.blockSize = Math.min(6, Math.max(1, shown.length)) * ROW + "px";
    this.part("space").style.blockSize = shown.length * ROW + "px";
    const first = Math.max(0, Math.floor(this.list.scrollTop / ROW) - 2);
    const wanted = shown.slice(first, first + 12);
    const keep = new Set(wanted.map(({ index }) => index));
    for (const [index, row] of this.rows) {
      if (keep.has(index)) continue;
      row.remove();
      this.rows.delete(index);
    }
    wanted.forEach(({ item, index }, place) => this.drawRow(item, index, first + place, shown.length));
  }
  drawRow(item, index, place, count) {
    let row = this.rows.get(index);
    if (!row) {
      row = document.createElement("div");
      row.setAttribute("role", "listitem");
      row.append(document.createElement("span"), document.createElement("span"));
      row.firstChild.className = "uploader__file";
      row.lastChild.className = "muted";
      this.rows.set(index, row);
      this.list.append(row);
    }
    row.className = "uploader__row uploader__row--" + item.state;
    row.style.transform = "translateY(" + place * ROW + "px)";
    row.setAttribute("aria-setsize", count);
    row.setAttribute("aria-posinset", place + 1);
    row.firstChild.textContent = item.path.replace(UNSEEN, "\ufffd");
    row.firstChild.title = row.firstChild.textContent;
    row.lastChild.textContent = this.words(item);
  }
  words(item) {
    if (item.state === "sending") return item.size ? Math.floor((item.sent / item.size) * 100) + " % of " + size(item.size) : "0 B";
    const words = { waiting: "waiting", asking: "is there already", done: "done, " + size(item.size), skipped: "left out" };
    return words[item.state] ?? item.error;
  }
}
const DRAW_MS = 200;
function start(root) {
  const { namespace, folder, single } = root.dataset;
  let timer = 0;
  let done = 0;
  const part = (name) => root.querySelector("[data-" + name + "]");
  const draw = () => {
    timer = 0;
    panel.draw();
    const figures = queue.figures();
    if (figures.done !== done && (!figures.busy || figures.done - done > 200)) {
      done = figures.done;
      document.getElementById("storage-list")?.dispatchEvent(new CustomEvent("live"));
    }
  };
  const queue = new Queue({ namespace, folder, single: Number(single), onChange: () => { timer ||= setTimeout(draw, DRAW_MS); } });
  const panel = new Panel(root, queue);
  const looked = queue.findUnfinished().catch(() => []); // it is an offer only
  const take = async (found) => {
    await looked;
    part("resume").hidden = true;
    queue.add(found);
  };
  for (const name of ["files", "folder-files"]) {
    part(name).addEventListener("change", (event) => {
      take(fromField(event.target));
      event.target.value = "";
    });
  }
  part("pause").addEventListener("click", () => (queue.paused ? queue.resume() : queue.pause()));
  part("cancel").addEventListener("click", () => queue.cancel());
  part("replace").addEventListener("click", () => queue.answer(true));
  part("keep").addEventListener("click", () => queue.answer(false));
  part("close").addEventListener("click", () => {
    queue.items = [];
    done = 0;
    draw();
    part("files").focus();
  });
  dropZone(root, take);
  window.addEventListener("beforeunload", (event) => {
    if (queue.figures().busy) event.preventDefault();
  });
  for (const name of ["online", "offline"]) window.addEventListener(name, draw);
  looked.then((left) => offerToGoOn(part("resume"), queue, left));
  root.hidden = false;
}
function dropZone(root, take) {
  const isFiles = (event) => [...(event.dataTransfer?.types ?? [])].includes("Files");
  let depth = 0;
  const over = (change) => {
    depth = Math.max(0, depth + change);
    root.classList.toggle("uploader--over", depth > 0);
  };
  document.addEventListener("dragenter", (event) => isFiles(event) && over(1));
  document.addEventListener("dragleave", (event) => isFiles(event) && over(-1));
  document.addEventListener("dragover", (event) => isFiles(event) && event.preventDefault());
  document.addEventListener("drop", async (event) => {
    if (!isFiles(event)) return;
    event.preventDefault();
    over(-depth);
    take(await fromDrop(event.dataTransfer));
  });
}
function offerToGoOn(place, queue, left) {
  if (!left.length || queue.items.length) return;
  const text = document.createElement("span");
  text.textContent = (left.length === 1 ? left[0].path + " was not finished. " : left.length.toLocaleString("en") + " uploads were not finished. ")
    + "Choose the same " + (left.length === 1 ? "file" : "files") + " again to go on: what has arrived is not sent again. ";
  const button = document.createElement("button");
  button.type = "button";
  button.className = "button button--small";
  button.textContent = "Forget " + (left.length === 1 ? "it" : "them");
  button.addEventListener("click", async () => {
    button.disabled = true;
    await queue.forgetUnfinished();
    place.hidden = true;
  });
  place.replaceChildren(text, button);
  place.hidden = false;
}
document.querySelectorAll("[data-uploader]").forEach(start);
