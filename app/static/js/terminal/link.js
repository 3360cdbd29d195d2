// One shell's connection: berth.terminal.v1 (app/domains/terminal/service/relay.py). It comes back by itself and asks for what it has not
// seen; every byte of output is shown once. `on` = { attached, output, ended, state, gap, closing }.
const FIRST_DELAY_MS = 300;
const LONGEST_DELAY_MS = 10000;
const SILENCE_MS = 45000;
const ACK_EVERY = 32 * 1024;
const ACK_AFTER_MS = 150;
const MOST_INPUT = 128 * 1024;
const INPUT_FRAME = 16 * 1024;
const PAUSE_AFTER_MS = 10000;

const LOST = { code: "signed_out", reason: "You are signed out.", advice: "Sign in again to open a new shell.", next: "sign_in" };

export class Link {
  constructor({ tokenUrl, csrf, terminalId, size, on }) {
    this.terminalId = terminalId;
    this.received = null; // output up to here was handed to the screen; null: none yet
    this.shown = 0; // output up to here is on the screen
    this.over = false;
    this.tokenUrl = tokenUrl;
    this.csrf = csrf;
    this.size = size;
    this.on = on;
    this.cursor = 0;
    this.acked = 0;
    this.attempts = 0;
    this.input = [];
    this.typed = 0;
    this.accepted = 0;
    this.socket = null;
    this.timers = { retry: 0, ack: 0, silence: 0, pause: 0 };
    this.pausedHere = false;
    this.onVisible = () => this.visibilityChanged();
    this.onOnline = () => { if (!this.socket && !this.over) this.connect(); };
    document.addEventListener("visibilitychange", this.onVisible);
    window.addEventListener("online", this.onOnline);
    this.connect();
  }

  get open() {
    return this.socket?.readyState === WebSocket.OPEN && this.joined;
  }

  async connect() {
    clearTimeout(this.timers.retry);
    if (this.over || this.connecting) return;
    this.connecting = true;
    try {
      const minted = await this.mint();
      if (minted && !this.over) this.dial(minted);
    } finally {
      this.connecting = false;
    }
  }

  async mint() {
    let answer;
    try {
      answer = await fetch(this.tokenUrl, {
        method: "POST",
        headers: { "content-type": "application/json", accept: "application/json", "x-csrftoken": this.csrf },
        body: JSON.stringify({ terminal_id: this.terminalId }),
        cache: "no-store",
        signal: AbortSignal.timeout(15000),
      });
    } catch {
      this.retry();
      return null;
    }
    if (answer.ok) return answer.json();
    const { error } = await answer.json().catch(() => ({ error: {} }));
    if (answer.status === 401) this.end(LOST);
    else if (error?.code === "terminal_ended") this.end({ code: error.details.why, reason: error.message, advice: error.details.advice, next: error.details.next });
    else if (answer.status >= 500 || answer.status === 429 || error?.retryable) this.retry();
    else this.end({ code: error?.code ?? "refused", reason: error?.message ?? "The shell cannot be opened.", advice: "", next: "machines" });
    return null;
  }

  dial({ token, url, protocol }) {
    const address = new URL(url, location.href);
    address.protocol = location.protocol === "https:" ? "wss:" : "ws:";
    const socket = new WebSocket(address, [protocol, token]);
    socket.binaryType = "arraybuffer";
    this.socket = socket;
    this.joined = false;
    this.said = false;
    socket.addEventListener("open", () => this.send({ type: "attach", ...this.size(), offset: this.received }, true));
    socket.addEventListener("message", (event) => this.receive(event.data));
    socket.addEventListener("close", () => {
      if (this.socket !== socket) return;
      this.socket = null;
      clearTimeout(this.timers.silence);
      if (!this.over) this.retry();
    });
  }

  retry() {
    this.attempts += 1;
    if (this.received !== null) this.input = [];
    this.on.state(this.received === null ? "opening" : "reconnecting", this.attempts);
    const ceiling = Math.min(LONGEST_DELAY_MS, FIRST_DELAY_MS * 2 ** Math.min(this.attempts, 8));
    clearTimeout(this.timers.retry);
    this.timers.retry = setTimeout(() => this.connect(), ceiling / 2 + Math.random() * (ceiling / 2));
  }

  receive(data) {
    clearTimeout(this.timers.silence);
    this.timers.silence = setTimeout(() => this.drop(), SILENCE_MS);
    if (data instanceof ArrayBuffer) this.output(new Uint8Array(data));
    else this.control(JSON.parse(data));
  }

  drop() {
    const socket = this.socket;
    this.socket = null;
    socket?.close();
    if (!this.over) this.retry();
  }

  control(frame) {
    if (frame.type === "ping") this.send({ type: "pong" });
    else if (frame.type === "accepted") {
      this.accepted = frame.bytes;
      this.flush();
    } else if (frame.type === "closing") this.on.closing(frame.seconds);
    else if (frame.type === "ended") this.end(frame);
    else if (frame.type === "attached") this.attached(frame);
  }

  attached(frame) {
    const first = this.received === null;
    this.cursor = frame.offset;
    if (frame.offset !== this.received) { // not where this screen stands: it is drawn anew from there
      this.received = frame.offset;
      this.shown = this.acked = frame.offset;
    }
    if (!this.joined) {
      this.joined = true;
      this.typed = this.accepted = 0;
      this.attempts = 0;
      this.terminalId = frame.terminal_id;
      this.on.attached(frame, first);
      this.on.state("open", 0);
      this.visibilityChanged();
      this.flush();
    }
    if (frame.gap) this.on.gap(frame.gap);
  }

  output(bytes) {
    const from = this.cursor;
    this.cursor += bytes.length;
    if (this.cursor <= this.received) return; // seen before a cut
    const fresh = from < this.received ? bytes.subarray(this.received - from) : bytes;
    this.received = this.cursor;
    const until = this.received;
    this.on.output(fresh, () => {
      if (until > this.shown) this.shown = until;
      if (this.shown - this.acked >= ACK_EVERY) this.ack();
      else if (!this.timers.ack) this.timers.ack = setTimeout(() => this.ack(), ACK_AFTER_MS);
    });
  }

  ack() {
    clearTimeout(this.timers.ack);
    this.timers.ack = 0;
    if (this.shown <= this.acked || !this.open) return;
    this.acked = this.shown;
    this.send({ type: "ack", offset: this.shown });
  }

  send(frame, now = false) {
    if (now || this.open) this.socket?.send(JSON.stringify(frame));
  }

  // Keys go out at once; a large paste waits until the machine takes it. What is typed before the shell is there waits for it; what
  // is typed while a connection is lost is not sent later into something that has changed meanwhile.
  type(bytes) {
    if (this.over || (!this.open && (this.received !== null || this.input.length > 64))) return;
    for (let at = 0; at < bytes.length; at += INPUT_FRAME) this.input.push(bytes.subarray(at, at + INPUT_FRAME));
    this.flush();
  }

  flush() {
    while (this.input.length && this.open && this.typed - this.accepted < MOST_INPUT) {
      const part = this.input.shift();
      this.typed += part.length;
      this.socket.send(part);
    }
  }

  resize(size) {
    this.send({ type: "resize", ...size });
  }

  // A window that nobody sees must not hold the machine back: it stops listening and catches up when it is looked at.
  visibilityChanged() {
    clearTimeout(this.timers.pause);
    if (document.hidden) {
      this.timers.pause = setTimeout(() => {
        if (!this.open) return;
        this.pausedHere = true;
        this.send({ type: "pause" });
      }, PAUSE_AFTER_MS);
    } else if (this.pausedHere) {
      this.pausedHere = false;
      this.send({ type: "resume", offset: this.received });
    }
  }

  closeShell() {
    if (this.open) this.send({ type: "close" });
  }

  end(words) {
    if (this.over) return;
    this.over = true;
    this.leave();
    this.on.ended(words);
  }

  leave() {
    this.over = true;
    for (const timer of Object.values(this.timers)) clearTimeout(timer);
    document.removeEventListener("visibilitychange", this.onVisible);
    window.removeEventListener("online", this.onOnline);
    this.socket?.close();
  }
}
