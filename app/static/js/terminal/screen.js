// The screen of one shell: xterm in our colours. What the machine writes is hostile until proven otherwise: it cannot read or set the
// clipboard, name the window, move it, or make the terminal type an answer.
import { Terminal } from "../../vendor/xterm-6.0.0/xterm.mjs";
import { FitAddon } from "../../vendor/xterm-addon-fit-0.11.0/addon-fit.mjs";
import { SearchAddon } from "../../vendor/xterm-addon-search-0.16.0/addon-search.mjs";

const ANSI = ["black", "red", "green", "yellow", "blue", "magenta", "cyan", "white"];
const probe = document.createElement("span");
const mixer = document.createElement("canvas").getContext("2d", { willReadFrequently: true });

function hex(variable) {
  probe.style.color = `var(${variable})`;
  mixer.clearRect(0, 0, 1, 1);
  mixer.fillStyle = getComputedStyle(probe).color;
  mixer.fillRect(0, 0, 1, 1);
  return "#" + [...mixer.getImageData(0, 0, 1, 1).data.slice(0, 3)].map((part) => part.toString(16).padStart(2, "0")).join("");
}

export function readTheme() {
  if (!probe.isConnected) {
    probe.hidden = true;
    document.body.append(probe);
  }
  const theme = {
    background: hex("--terminal"),
    foreground: hex("--ink"),
    cursor: hex("--buoy"),
    cursorAccent: hex("--terminal"),
    selectionBackground: hex("--selection"),
    scrollbarSliderBackground: hex("--line"),
    scrollbarSliderHoverBackground: hex("--line-control"),
    scrollbarSliderActiveBackground: hex("--line-control"),
    overviewRulerBorder: hex("--terminal"),
  };
  for (const name of ANSI) {
    theme[name] = hex(`--ansi-${name}`);
    theme["bright" + name[0].toUpperCase() + name.slice(1)] = hex(`--ansi-bright-${name}`);
  }
  return theme;
}

// Sequences by which output asks the terminal to type something back. Swallowed unless the person allowed answers.
const QUESTIONS = [
  { final: "c" }, { prefix: ">", final: "c" }, { prefix: "=", final: "c" },
  { final: "n" }, { prefix: "?", final: "n" },
  { intermediates: "$", final: "p" }, { prefix: "?", intermediates: "$", final: "p" },
  { prefix: ">", final: "q" }, { prefix: "?", final: "u" }, { final: "x" },
];
const COLOUR_QUESTIONS = [4, 5, 10, 11, 12, 13, 14, 17, 19];

function disarm(term, mayAnswer) {
  const { parser } = term;
  for (const id of QUESTIONS) parser.registerCsiHandler(id, () => !mayAnswer());
  parser.registerDcsHandler({ intermediates: "$", final: "q" }, () => true); // settings
  parser.registerDcsHandler({ intermediates: "+", final: "q" }, () => true); // capabilities
  for (const id of COLOUR_QUESTIONS) parser.registerOscHandler(id, (data) => data.includes("?") && !mayAnswer());
  for (const id of [0, 1, 2, 52]) parser.registerOscHandler(id, () => true); // titles and clipboard
  parser.registerCsiHandler({ final: "t" }, () => true); // window moves, sizes and reports
  parser.registerEscHandler({ final: "Z" }, () => true);
}

export function createScreen({ place, fontSize, reader, mayAnswer, openLink }) {
  const term = new Terminal({
    fontFamily: '"Plex Mono", "Plex Mono Fallback", ui-monospace, "Noto Sans Mono", monospace',
    fontSize,
    lineHeight: 1.2,
    fontWeightBold: "600",
    cursorBlink: !matchMedia("(prefers-reduced-motion: reduce)").matches,
    scrollback: 10000,
    minimumContrastRatio: 4.5,
    screenReaderMode: reader,
    macOptionIsMeta: true,
    rightClickSelectsWord: false,
    allowProposedApi: true,
    theme: readTheme(),
    windowOptions: {},
    linkHandler: { activate: (event, text) => openLink(text), allowNonHttpProtocols: false },
  });
  const fit = new FitAddon();
  const search = new SearchAddon();
  term.loadAddon(fit);
  term.loadAddon(search);
  disarm(term, mayAnswer);
  term.open(place);
  term.textarea?.setAttribute("aria-label", "Shell. Control Shift L leaves the terminal.");
  return { term, fit, search };
}
