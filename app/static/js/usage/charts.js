// Draws every [data-chart] of the page with uPlot, in our colours. The figures, the sentence and the table are in the page already:
// without this script nothing is lost but the picture. It is joined behind the library (app/web/assets.py), whose name it uses.
const HEIGHT_PX = 220;
const SCALE = { money: 1e6, rate: 1e6, hours: 3600 };
const plots = new Map();

function colour(name) {
  // a token is light-dark(...): only a used value is one colour
  const probe = document.createElement("span");
  probe.style.color = `var(${name})`;
  document.body.append(probe);
  const used = getComputedStyle(probe).color;
  probe.remove();
  return used;
}

function short(value, spec) {
  if (value === null || value === undefined) return "";
  if (spec.unit === "hours") return `${value.toLocaleString("en", { maximumFractionDigits: 1 })} h`;
  const text = new Intl.NumberFormat("en", { style: "currency", currency: spec.currency, currencyDisplay: "narrowSymbol", notation: Math.abs(value) >= 10000 ? "compact" : "standard", maximumFractionDigits: Math.abs(value) >= 100 ? 0 : 2 }).format(value);
  return spec.unit === "rate" ? `${text}/h` : text;
}

function exact(value, spec) {
  if (spec.unit === "hours") return `${value.toLocaleString("en", { maximumFractionDigits: 1 })} h`;
  const text = new Intl.NumberFormat("en", { style: "currency", currency: spec.currency, currencyDisplay: "narrowSymbol" }).format(value);
  return spec.unit === "rate" ? `${text}/h` : text;
}

function scaled(spec) {
  return spec.series.map((series) => series.values.map((value) => (value === null ? null : value / SCALE[spec.unit])));
}

// Stacked bars are drawn from the tallest sum down, each over the one behind it.
function stacked(rows) {
  const sums = rows[0].map(() => 0);
  return rows.map((row) => row.map((value, at) => (sums[at] += value ?? 0)));
}

function seriesOf(spec, rows) {
  const bars = uPlot.paths.bars({ size: [0.72, 36], radius: 0.08 });
  return rows.map((row, at) => {
    const ink = colour(`--chart-${at + 1}`);
    return spec.kind === "bars"
      ? { label: spec.series[at].label, stroke: ink, fill: ink, width: 0, paths: bars, points: { show: false } }
      : { label: spec.series[at].label, stroke: ink, width: 2, paths: uPlot.paths.linear(), points: { show: row.length < 2 } };
  });
}

function axes(spec) {
  const muted = colour("--muted");
  const line = { stroke: colour("--line-soft"), width: 1 };
  const font = '12px "Plex Sans", system-ui, sans-serif';
  return [
    { stroke: muted, font, grid: { show: false }, ticks: { show: false }, size: 28, incrs: [1, 2, 5, 7, 10, 14, 30, 60, 90, 180], space: 64, values: (_, splits) => splits.map((at) => (Number.isInteger(at) ? spec.labels[at] ?? "" : "")) },
    { stroke: muted, font, grid: line, ticks: { show: false }, size: 60, values: (_, splits) => splits.map((value) => short(value, spec)) },
  ];
}

function read(figure, spec, at) {
  const place = figure.querySelector("[data-chart-readout]");
  if (at === null || at === undefined || spec.labels[at] === undefined) {
    place.textContent = "";
    return;
  }
  const values = scaled(spec).map((row) => row[at]);
  const said = spec.series.map((series, n) => [series.label, values[n]]).filter(([, value]) => value);
  const parts = said.map(([label, value]) => (spec.series.length > 1 ? `${label} ${exact(value, spec)}` : exact(value, spec)));
  place.textContent = `${spec.labels[at]}: ${parts.length ? parts.join(", ") : exact(0, spec)}`;
}

function widthOf(figure) {
  return Math.max(200, figure.clientWidth);
}

function draw(figure) {
  const holder = figure.querySelector("[data-chart-plot]");
  if (!holder) return;
  plots.get(figure)?.destroy();
  const spec = JSON.parse(figure.dataset.chart);
  const rows = scaled(spec);
  const drawn = spec.kind === "bars" ? stacked(rows) : rows;
  const order = drawn.map((_, at) => at);
  if (spec.kind === "bars") order.reverse();
  const series = seriesOf(spec, drawn);
  const last = spec.labels.length - 1;
  const options = {
    width: widthOf(figure), // an empty holder is not shown and has no width, and it is empty here, the first time and every other
    height: HEIGHT_PX,
    legend: { show: false },
    cursor: { y: false, points: { show: false }, drag: { x: false, y: false } },
    scales: { x: { time: false, range: () => [-0.5, last + 0.5] }, y: { range: (_, low, high) => [Math.min(0, low ?? 0), (high || 1) * 1.08] } },
    axes: axes(spec),
    series: [{}, ...order.map((at) => series[at])],
    hooks: { setCursor: [(plot) => read(figure, spec, plot.cursor.idx)] },
  };
  plots.set(figure, new uPlot(options, [spec.labels.map((_, at) => at), ...order.map((at) => drawn[at])], holder));
}

function step(event) {
  const holder = event.target.closest("[data-chart-plot]");
  const plot = holder && plots.get(holder.closest("[data-chart]"));
  const move = { ArrowLeft: -1, ArrowRight: 1, Home: -Infinity, End: Infinity }[event.key];
  if (!plot || move === undefined) return;
  event.preventDefault();
  const last = plot.data[0].length - 1;
  const at = Math.max(0, Math.min(last, (plot.cursor.idx ?? (move > 0 ? -1 : last + 1)) + move));
  plot.setCursor({ left: plot.valToPos(at, "x"), top: 10 });
}

function start() {
  const figures = [...document.querySelectorAll("[data-chart]")];
  const sizes = new ResizeObserver((entries) => {
    for (const { target } of entries) {
      const plot = plots.get(target);
      if (plot && target.clientWidth > 0 && plot.width !== widthOf(target)) plot.setSize({ width: widthOf(target), height: HEIGHT_PX });
    }
  });
  const redraw = () => figures.forEach(draw);
  redraw();
  for (const figure of figures) sizes.observe(figure);
  document.addEventListener("berth:theme", redraw);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);
  document.addEventListener("keydown", step);
}

start();
