/* charts.js: the charts, by Chart.js. Their colours are those of report.css. */

const drawings = []; /* functions that make a Chart, called again when the colours change */
let charts = [];

const colour = (name) =>
  getComputedStyle(document.documentElement).getPropertyValue(name).trim();

function redraw() {
  charts.forEach((chart) => chart.destroy());
  Object.assign(Chart.defaults, {
    color: colour("--muted"),
    borderColor: colour("--line"),
    animation: false,
    maintainAspectRatio: false,
  });
  Chart.defaults.font.family = getComputedStyle(document.body).fontFamily;
  Chart.defaults.font.size = 13;
  charts = drawings.map((draw) => draw());
}

/* A canvas says nothing to those who do not see it. */
function chart(id, words, config) {
  const canvas = document.getElementById(id);
  canvas.setAttribute("role", "img");
  canvas.setAttribute("aria-label", words);
  drawings.push(() => new Chart(canvas, config()));
}

/* ---- Curves ---- */

/* A dashed line at the best epoch. */
const bestLine = {
  id: "best",
  beforeDatasetsDraw({ ctx, chartArea, scales }) {
    if (!run.best_epoch) return;
    const x = scales.x.getPixelForValue(run.best_epoch - 1);
    ctx.save();
    ctx.strokeStyle = colour("--muted");
    ctx.setLineDash([4, 4]);
    ctx.beginPath();
    ctx.moveTo(x, chartArea.top);
    ctx.lineTo(x, chartArea.bottom);
    ctx.stroke();
    ctx.restore();
  },
};

/* One line of a chart: a column of the epochs. Validation is dashed and has points of another form,
   so that it differs not by colour alone. */
function line(label, key, isValidation = false) {
  const many = epochs.length > 40 ? 0 : 3;
  return {
    label,
    data: epochs.map((epoch) => epoch[key]),
    borderColor: colour(isValidation ? "--validation" : "--training"),
    backgroundColor: colour(isValidation ? "--validation" : "--training"),
    borderWidth: 2,
    borderDash: isValidation ? [6, 3] : [],
    pointStyle: isValidation ? "rectRot" : "circle",
    pointRadius: epochs.length === 1 ? 6 : many,
    pointHoverRadius: 6,
    spanGaps: true,
  };
}

function trainingAndValidation(key) {
  const both = [line("training", key)];
  if (hasValidation) both.push(line("validation", `validation_${key}`, true));
  return both;
}

/* `y` is the vertical axis, `format` makes a value text. */
function curve(id, title, makeLines, y, format) {
  const labels = epochs.map((epoch) => epoch.epoch);
  chart(id, `${title} over ${labels.length} epochs; the table below has the same numbers`, () => ({
    type: "line",
    data: { labels, datasets: makeLines() },
    plugins: [bestLine],
    options: {
      interaction: { mode: "index", intersect: false },
      scales: {
        x: {
          offset: labels.length === 1,
          title: { display: true, text: "epoch" },
          grid: { display: false },
          ticks: { maxRotation: 0 },
        },
        y,
      },
      plugins: {
        legend: {
          display: makeLines().length > 1,
          align: "start",
          labels: { usePointStyle: true, boxWidth: 7, boxHeight: 7, padding: 14 },
        },
        tooltip: {
          callbacks: {
            title: ([item]) => `Epoch ${item.label}`,
            label: (item) => ` ${item.dataset.label}: ${format(item.raw)}`,
          },
        },
      },
    },
  }));
}

/* Of a logarithmic axis: 1, 2, 5, 10; over more than a few decades only 1, 10, 100. */
function roundTicks(axis) {
  const wanted = axis.max / axis.min > 30 ? ["1"] : ["1", "2", "5"];
  const digits = (value) => value.toExponential(6).split("e")[0];
  axis.ticks = axis.ticks.filter(({ value }) => wanted.includes(String(Number(digits(value)))));
}

function drawCurves() {
  const shares = (value) => `${Number((100 * value).toFixed(2))} %`;
  const accuracy = { max: 1, ticks: { callback: shares } };
  if (epochs.length === 1) accuracy.min = 0;
  const decades = { type: "logarithmic", ticks: { callback: rate }, afterBuildTicks: roundTicks };
  const learningRate = () => [{ ...line("learning rate", "learning_rate"), stepped: "middle" }];
  curve("chart-loss", "Loss", () => trainingAndValidation("loss"), { suggestedMin: 0 }, decimal);
  curve("chart-accuracy", "Accuracy", () => trainingAndValidation("accuracy"), accuracy, percent);
  curve("chart-rate", "Learning rate", learningRate, decades, rate);
}

/* ---- Images of each class ---- */

function drawCounts() {
  const short = (name) => (name.length > 14 ? `${name.slice(0, 13)}\u2026` : name);
  const bars = (label, values, name) => ({
    label,
    data: values,
    backgroundColor: colour(name),
    borderRadius: 2,
  });
  const words = data.training.map((many, c) => `${className(c)} ${many}`).join(", ");
  chart("chart-counts", `Training images of each class: ${words}`, () => {
    const sets = [bars("training", data.training, "--training")];
    if (evaluation.set !== "training")
      sets.push(bars(evaluation.set, data.evaluated, "--validation"));
    return {
      type: "bar",
      data: { labels: model.classes.map(short), datasets: sets },
      options: {
        interaction: { mode: "index", intersect: false },
        scales: {
          x: { grid: { display: false } },
          y: { beginAtZero: true, ticks: { precision: 0 } },
        },
        plugins: {
          legend: { align: "start", labels: { boxWidth: 12, boxHeight: 12, padding: 14 } },
          tooltip: { callbacks: { title: ([item]) => className(item.dataIndex) } },
        },
      },
    };
  });
}
