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

/* Behind the data. */
function dashes(ctx, from, to) {
  ctx.save();
  ctx.strokeStyle = colour("--muted");
  ctx.setLineDash([4, 4]);
  ctx.beginPath();
  ctx.moveTo(...from);
  ctx.lineTo(...to);
  ctx.stroke();
  ctx.restore();
}

/* A dashed line at the best epoch. */
const bestLine = {
  id: "best",
  beforeDatasetsDraw({ ctx, chartArea, scales }) {
    if (!bestEpoch) return;
    const x = scales.x.getPixelForValue(bestEpoch - 1);
    dashes(ctx, [x, chartArea.top], [x, chartArea.bottom]);
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
          ticks: { maxRotation: 0, autoSkipPadding: 12 },
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

/* Of a logarithmic axis: 1, 2, 5, 10; where a decade has little room only 1, 10, 100. */
function roundTicks(axis) {
  const decade = axis.height / Math.log10(axis.max / axis.min);
  const wanted = decade < 60 ? ["1"] : ["1", "2", "5"];
  const digits = (value) => value.toExponential(6).split("e")[0];
  axis.ticks = axis.ticks.filter(({ value }) => wanted.includes(String(Number(digits(value)))));
}

const decades = (format, values) => ({
  type: "logarithmic",
  min: Math.min(...values) / 1.1,
  max: Math.max(...values) * 1.1,
  ticks: { callback: format },
  afterBuildTicks: roundTicks,
});

/* Whether the largest would leave the others no room: a logarithmic axis gives each its share. */
const spread = (values) => Math.min(...values) > 0 && Math.max(...values) > 4 * Math.min(...values);

/* Both columns of the epochs, without what is not a number. */
const columns = (key) => epochs.flatMap((epoch) => [epoch[key], epoch[`validation_${key}`]])
  .filter(isNumber);

function drawLoss() {
  const values = columns("loss");
  const wide = spread(values);
  if (wide) by("loss-title").textContent = "Loss, on a logarithmic scale";
  curve("chart-loss", "Loss", () => trainingAndValidation("loss"),
    wide ? decades(rate, values) : { suggestedMin: 0 }, decimal);
}

/* On a logarithmic axis, the share that is wrong, upside down. Where nothing is wrong, half an
   image is drawn. */
function drawAccuracy() {
  const shares = (value) => `${Number((100 * value).toFixed(3))} %`;
  const least = 0.5 / Math.max(run.data.count, 1);
  const error = (value) => (isNumber(value) ? Math.max(1 - value, least) : value);
  const errors = columns("accuracy").map(error);
  if (!spread(errors) || Math.min(...errors) > 0.1) {
    const axis = { max: 1, ticks: { callback: shares } };
    if (epochs.length === 1) axis.min = 0;
    curve("chart-accuracy", "Accuracy", () => trainingAndValidation("accuracy"), axis, percent);
    return;
  }
  by("accuracy-title").textContent = "Accuracy, on a logarithmic scale of the error";
  by("accuracy-note").hidden = false;
  if (errors.includes(least))
    by("accuracy-note").append(" 100\u00a0% is drawn as if half an image were wrong.");
  const lines = () => trainingAndValidation("accuracy")
    .map((made) => ({ ...made, data: made.data.map(error) }));
  const axis = { ...decades((value) => shares(1 - value), errors), reverse: true };
  curve("chart-accuracy", "Accuracy", lines, axis,
    (value) => percent(value > least ? 1 - value : 1));
}

/* At least a decade: most of the time the rate is one number. */
function learningRateAxis(rates) {
  const positive = rates.filter((value) => value > 0);
  const middle = positive.length ? positive : [0.001];
  const [least, most] = [Math.min(...middle), Math.max(...middle)];
  return decades(rate, spread(middle) ? middle : [least / 3, most * 3]);
}

function drawCurves() {
  drawLoss();
  drawAccuracy();
  const rates = epochs.map((epoch) => Number(rate(epoch.learning_rate)));
  const steps = () =>
    [{ ...line("learning rate", "learning_rate"), data: rates, stepped: "middle" }];
  curve("chart-rate", "Learning rate", steps, learningRateAxis(rates), rate);
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

/* ---- Calibration ---- */

/* Where confidence is the share that is right. */
const diagonal = {
  id: "diagonal",
  beforeDatasetsDraw({ ctx, chartArea }) {
    dashes(ctx, [chartArea.left, chartArea.bottom], [chartArea.right, chartArea.top]);
  },
};

const evaluatedColour = () => colour(evaluation.set === "training" ? "--training" : "--validation");

/* Only bins that have images have a point. */
function drawReliability() {
  const points = evaluation.calibration.filter(({ count: many }) => many)
    .map((bin) => ({ x: bin.confidence, y: bin.accuracy, images: bin.count }));
  const axis = (text) => ({
    type: "linear",
    min: 0,
    max: 1,
    title: { display: true, text },
    ticks: { callback: (value) => percent(value, 0), maxRotation: 0, autoSkipPadding: 12 },
  });
  const said = ({ x, y, images }) =>
    ` ${percent(x)} sure, ${percent(y)} of ${plural(images, "image", "images")} right`;
  chart("chart-reliability", "Share that is right by confidence; the table below has the numbers",
    () => ({
      type: "scatter",
      data: {
        datasets: [{
          data: points,
          showLine: true,
          clip: false,
          borderColor: evaluatedColour(),
          backgroundColor: evaluatedColour(),
          borderWidth: 2,
          pointRadius: 4,
          pointHoverRadius: 6,
        }],
      },
      plugins: [diagonal],
      options: {
        scales: { x: axis("confidence"), y: axis("right") },
        plugins: {
          legend: { display: false },
          tooltip: { callbacks: { label: ({ raw }) => said(raw) } },
        },
      },
    }));
}

function drawConfidence() {
  const counts = evaluation.calibration.map(({ count: many }) => many || null);
  const axis = decades((value) => count(value), counts.filter(isNumber));
  chart("chart-confidence", "Images of each confidence; the table below has the numbers", () => ({
    type: "bar",
    data: {
      labels: counts.map((many, bin) => binName(bin)),
      datasets: [{ data: counts, backgroundColor: evaluatedColour(), borderRadius: 2 }],
    },
    options: {
      interaction: { mode: "index", intersect: false },
      scales: {
        x: {
          title: { display: true, text: "confidence" },
          grid: { display: false },
          ticks: { maxRotation: 0, autoSkipPadding: 12 },
        },
        y: { ...axis, min: 0.7 }, /* one image is a bar, too */
      },
      plugins: {
        legend: { display: false },
        tooltip: { callbacks: { label: ({ raw }) => ` ${plural(raw, "image", "images")}` } },
      },
    },
  }));
}

function drawCalibration() {
  drawReliability();
  drawConfidence();
}
