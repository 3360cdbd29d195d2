// The uploads of this page. Small files are announced and finished by the batch, large ones go in parts that are compared with what has
// arrived already. States of an item: waiting, asking (there is a file of its path), sending, done, failed, skipped.
import { call, Refused, Stopped } from "./api.js";
import { digest, putAll, received, Slots } from "./send.js";

const SLOTS = 5; // a browser has six connections to one server; one stays free
const GROUP = 6; // parts that are digested and signed together
const BATCH = 50;
const LARGE_AT_ONCE = 2;

export class Queue {
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

  // -- what the page asks for --

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

  // -- how it goes on --

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

  // One lane has ended badly: so do the others, and the page says why.
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

  // Takes a batch and announces it. Resolves with those that are to be sent; empty when nothing waits any more.
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

  // The bytes are not those that were announced: the file has changed since. Once, it is announced again as it is now.
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

  // Where an upload stands; null when the server does not know it any more: then it is done, or has to begin anew.
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
    // digests a group, leaves out what the server has, and gets addresses for the rest
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
