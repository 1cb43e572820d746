/* words.js: the report's data, numbers as text, and what the run says in sentences. It comes first
   in the page's script, which is one function around words.js, charts.js and report.js. */
const report = JSON.parse(document.getElementById("report").textContent);
const { run, epochs, model, data, evaluation } = report;
const options = run.options;

/* ---- Numbers ---- */

const isNumber = (value) => typeof value === "number";
const sum = (list) => list.reduce((all, value) => all + value, 0);
const count = (value) => value.toLocaleString("en");
const plural = (value, one, many) => `${count(value)} ${value === 1 ? one : many}`;
const decimal = (value, digits = 4) => (isNumber(value) ? value.toFixed(digits) : "-");
const percent = (share, digits = 2) =>
  isNumber(share) ? `${(100 * share).toFixed(digits)} %` : "-";
const rate = (value) => String(Number(value.toPrecision(3)));
const size = (numbers) => numbers.join(" \u00d7 ");
const capital = (text) => text.charAt(0).toUpperCase() + text.slice(1);
const className = (index) => model.classes[index] ?? String(index);

function duration(seconds) {
  if (seconds < 60) return `${Number(seconds.toPrecision(2))} s`;
  const minutes = Math.round(seconds / 60);
  if (minutes < 60) return `${Math.floor(seconds / 60)} min ${Math.floor(seconds % 60)} s`;
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

/* ---- The run ---- */

const keptBest = options.keep === "best" && run.best_epoch > 0;
const keptEpoch = keptBest ? run.best_epoch : epochs.length;
const kept = epochs[keptEpoch - 1]; /* undefined when not one epoch was finished */
const hasValidation = epochs.some((epoch) => isNumber(epoch.validation_loss));
const seconds = sum(epochs.map((epoch) => epoch.seconds ?? 0));
const rates = epochs.map((epoch) => epoch.images_per_second).filter(isNumber);
const meanRate = rates.length ? rates.length / sum(rates.map((value) => 1 / value)) : null;
const rateWords = meanRate ? count(Math.round(meanRate)) : "-";
const right = evaluation ? sum(evaluation.confusion.map((row, label) => row[label])) : 0;
const wrong = evaluation ? evaluation.count - right : 0;

/* Pairs [label, predicted, how often], most frequent first. */
function mixedUp() {
  const pairs = [];
  evaluation.confusion.forEach((row, label) =>
    row.forEach((many, predicted) => {
      if (label !== predicted && many > 0) pairs.push([label, predicted, many]);
    }));
  return pairs.sort((a, b) => b[2] - a[2]);
}

/* Precision, recall and F1 of each class; null where nothing can be said. */
function scores() {
  const table = evaluation.confusion;
  return table.map((row, c) => {
    const labelled = sum(row);
    const predicted = sum(table.map((other) => other[c]));
    return {
      precision: predicted ? row[c] / predicted : null,
      recall: labelled ? row[c] / labelled : null,
      f1: labelled + predicted ? (2 * row[c]) / (labelled + predicted) : null,
      labelled,
    };
  });
}

/* ---- Sentences ---- */

const setWords = {
  validation: "validation images, which were not trained on",
  test: "test images, as the run kept none for validation",
  training: "training images themselves, as there were no others: expect less of new images",
};

function resultWords() {
  if (evaluation)
    return `${percent(evaluation.accuracy)} right: ${count(right)} of ` +
      `${count(evaluation.count)} ${setWords[evaluation.set]}.`;
  if (!kept) return "Not one epoch was finished.";
  if (isNumber(kept.validation_accuracy))
    return `${percent(kept.validation_accuracy)} of the validation images were right.`;
  return `${percent(kept.accuracy)} of the training images were right.`;
}

function outcomeWords() {
  const done = plural(epochs.length, "epoch", "epochs");
  const words = {
    finished: `The training finished after ${done}.`,
    "stopped early": `The training stopped early, after ${done}: ${options.early_stop} in a row ` +
      "had not lowered the validation loss.",
    interrupted: `The training was interrupted after ${done} of ${options.epochs}.`,
    diverged: `The training diverged after ${done}: the loss was no longer a finite number. ` +
      "A lower learning rate may help.",
    running: "The training was still running when this page was written, " +
      `after ${done} of ${options.epochs}.`,
  }[run.outcome] ?? `Outcome: ${run.outcome}.`;
  if (!kept) return words;
  const why = keptBest ? ", which had the least validation loss" : "";
  return `${words} The weights kept are those of epoch ${keptEpoch}${why}.`;
}

/* What the distance between training and validation says, or nothing. */
function adviceWords() {
  if (!kept || !isNumber(kept.validation_accuracy) || !isNumber(kept.accuracy)) return "";
  const gap = 100 * (kept.accuracy - kept.validation_accuracy);
  if (gap > 2)
    return `Training images are right ${gap.toFixed(1)} points more often: it has begun to learn ` +
      "them by heart. Augmentation, dropout or more data help.";
  if (run.outcome === "finished" && run.best_epoch === epochs.length && epochs.length > 1)
    return "The last epoch was the best one: more epochs may improve it further.";
  return "";
}

function confusionWords() {
  if (!evaluation) return "";
  const [worst] = mixedUp();
  if (!worst) return "Nothing was taken for anything else.";
  const [label, predicted, many] = worst;
  return `Most often confused: ${className(label)} taken for ${className(predicted)}, ` +
    `${plural(many, "time", "times")}.`;
}

function curvesWords() {
  if (!run.best_epoch)
    return "Without validation images, training alone can be shown: it does not tell how new " +
      "images will do.";
  const best = epochs[run.best_epoch - 1];
  const behind = kept.accuracy < kept.validation_accuracy
    ? " Training can look worse than validation: it is measured while the weights still change, " +
      "with augmentation and dropout if there are any."
    : "";
  return `The dashed line marks epoch ${run.best_epoch}, which had the least validation loss, ` +
    `${decimal(best.validation_loss)}.${behind}`;
}

function networkWords() {
  const image = size([model.height, model.width, model.channels]);
  return `${plural(model.layers.length, "layer", "layers")} from an image of ${image} (height, ` +
    `width, channels) to ${plural(model.classes.length, "class", "classes")}: ` +
    `${count(model.parameters)} parameters and ${model.mflop.toFixed(2)} million floating-point ` +
    "operations an image.";
}

function splitWords() {
  const { source, folds, fold, fraction, division, validation_count: held } = run.data;
  const second = held ? ` and ${count(held)} for validation` : "";
  const all = `${count(run.data.count)} images to train on${second} from ${source || "memory"}`;
  if (folds)
    return `${all}: part ${fold} of ${folds}, drawn with seed ${division}, is for validation.`;
  if (fraction)
    return `${all}: ${Number((100 * fraction).toPrecision(4))} % of them, drawn with seed ` +
      `${division}, are for validation.`;
  return `${all}; none were kept for validation.`;
}

/* "rotation=10,zoom=0.1" as what happens to an image. */
function augmentWords() {
  const words = {
    rotation: (x) => `turned by up to ${x} degrees`,
    width: (x) => `moved sideways by up to ${percent(x, 0)} of the width`,
    height: (x) => `moved up or down by up to ${percent(x, 0)} of the height`,
    shear: (x) => `slanted by up to ${x} degrees`,
    zoom: (x) => `scaled by ${Number((1 - x).toFixed(3))} to ${Number((1 + x).toFixed(3))}`,
  };
  const said = options.augment.split(",").map((text) => {
    const [key, value] = text.split("=");
    if (!words[key]) return text;
    return Number(value) ? words[key](Number(value)) : "";
  });
  return `Each time that an image is trained on, it is ${said.filter(Boolean).join(", ")}, at ` +
    "random. On top, marked, the image as it is; below, what the network saw in epochs 1, 2 and 3.";
}

function mistakesWords() {
  if (!wrong) return `Nothing: all ${count(evaluation.count)} ${evaluation.set} images are right.`;
  const hidden = wrong - evaluation.wrong.length;
  const rest = hidden ? `; the ${count(hidden)} least sure of them are not shown` : "";
  return `${plural(wrong, "image", "images")} of ${count(evaluation.count)}, the surest mistakes ` +
    `first${rest}. Under each: its label, what it was taken for, and the probabilities of both.`;
}

function optimizerWords() {
  const { optimizer, learning_rate: step, momentum, weight_decay: decay } = options;
  return [
    optimizer,
    `learning rate ${rate(step)}`,
    optimizer === "sgd" && momentum > 0 ? `momentum ${momentum}` : "",
    decay > 0 ? `weight decay ${rate(decay)}` : "",
  ].filter(Boolean).join(", ");
}
