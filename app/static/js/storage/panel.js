// What one sees of the uploads: one sentence, one bar, and a list of which only the rows in view exist.
const ROW = 44;
const ORDER = { failed: 0, asking: 1, sending: 2, waiting: 3, done: 4, skipped: 5 };
const WINDOW_MS = 6000;
const SAY_MS = 20000;
// a name that will be refused must not look like another one until it is
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

export class Panel {
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
