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
  isNumber(share) ? `${(100 * share).toFixed(digits)}\u00a0%` : "-";
const rate = (value) => (isNumber(value) ? String(Number(value.toPrecision(3))) : "-");
const mflop = (value) => value.toFixed(3); /* as in the diagram */
const size = (numbers) => numbers.join(" \u00d7 ");
const capital = (text) => text.charAt(0).toUpperCase() + text.slice(1);
const className = (index) => model.classes[index] ?? String(index);
const quoted = (index) => `\u201c${className(index)}\u201d`;
const times = (value) => (value === 1 ? "once" : value === 2 ? "twice" : `${count(value)} times`);

function duration(seconds) {
  if (seconds < 60) return `${Number(seconds.toPrecision(2))} s`;
  const minutes = Math.round(seconds / 60);
  if (minutes < 60) return `${Math.floor(seconds / 60)} min ${Math.floor(seconds % 60)} s`;
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

/* ---- The run ---- */

const best = epochs[run.best_epoch - 1]; /* undefined without validation */
const bestEpoch = best ? run.best_epoch : 0;
const keptBest = options.keep === "best" && bestEpoch > 0;
const keptEpoch = keptBest ? bestEpoch : epochs.length;
const kept = epochs[keptEpoch - 1]; /* undefined when not one epoch was finished */
const hasValidation = epochs.some((epoch) => isNumber(epoch.validation_loss));
const seconds = sum(epochs.map((epoch) => epoch.seconds ?? 0));
const rates = epochs.map((epoch) => epoch.images_per_second).filter(isNumber);
const meanRate = rates.length ? rates.length / sum(rates.map((value) => 1 / value)) : null;
const rateWords = meanRate ? count(Math.round(meanRate)) : "-";
const right = evaluation ? sum(evaluation.confusion.map((row, label) => row[label])) : 0;
const wrong = evaluation ? evaluation.count - right : 0;
const augments = /=0*\.?0*[1-9]/.test(options.augment); /* anything by more than 0 */
const smooths = options.label_smoothing > 0;
const drops = model.layers.some(({ op }) => op === "dropout");

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

/* The bins are of equal width. */
function binName(bin) {
  const edge = (at) => Math.round((100 * at) / evaluation.calibration.length);
  return `${edge(bin)}\u2013${edge(bin + 1)}\u00a0%`;
}

const meanConfidence = () => sum(evaluation.calibration.map(({ count: many, confidence }) =>
  many && many * confidence)) / evaluation.count;

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
    "stopped early": `The training stopped early, after ${done} of ${options.epochs}: ` +
      `${noBetterWords()}.`,
    interrupted: `The training was interrupted after ${done} of ${options.epochs}.`,
    diverged: `The training diverged after ${done}: the loss was no longer a finite number. ` +
      "A lower learning rate may help.",
    running: `The training was still running, or was cut off, after ${done} of ${options.epochs}.`,
  }[run.outcome] ?? `Outcome: ${run.outcome}.`;
  if (!kept) return words;
  const why = keptBest ? ", which had the least validation loss" : "";
  return `${words} The weights kept are those of epoch ${keptEpoch}${why}.`;
}

function noBetterWords() {
  return `${plural(options.early_stop, "epoch", "epochs")} in a row had no lower validation loss`;
}

/* As a shell reads it. */
const shellWord = (text) =>
  /^[\w\-./:=,+@%]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;

/* How to go on with the run: words, then a command. */
function goOn() {
  const patience = epochs.length - bestEpoch + options.early_stop;
  const [words, more] = {
    finished: ["For ten more epochs:", `--epochs ${options.epochs + 10}`],
    "stopped early": ["To go on with more patience:", `--early-stop ${patience}`],
    interrupted: ["To go on:", ""],
    running: ["To go on, if it was cut off:", ""],
  }[run.outcome] ?? [];
  const command = ["deepdigits train --resume", shellWord(run.folder), more];
  return words && run.folder ? [words, command.filter(Boolean).join(" ")] : null;
}

/* How far chance may move the difference of two shares that are both `share`, measured on so many
   images each: three standard deviations. */
const noise = (share, one, other) => 3 * Math.sqrt(share * (1 - share) * (1 / one + 1 / other));

/* The share that is right when every image gets the most frequent class. */
const mostFrequent = () => Math.max(...data.evaluated) / evaluation.count;

const hardlyLearned = () => evaluation && evaluation.accuracy < 1 &&
  evaluation.accuracy <= mostFrequent() + noise(mostFrequent(), evaluation.count, Infinity);

/* Training is measured with dropout and augmentation, and while weights change: it is better than
   validation only where images were learned by heart. */
function learnedByHeart() {
  if (!kept || !isNumber(kept.validation_accuracy) || !isNumber(kept.accuracy)) return false;
  const gap = kept.accuracy - kept.validation_accuracy;
  const chance = noise(kept.validation_accuracy, run.data.count, run.data.validation_count);
  const surer = smooths || kept.validation_loss > 1.2 * kept.loss; /* losses of one kind */
  return gap > Math.max(0.01, chance) && surer;
}

/* What would help, or nothing. */
function adviceWords() {
  if (hardlyLearned())
    return "That is hardly better than always giving the most frequent class, which is right for " +
      `${percent(mostFrequent())}: more epochs or another learning rate may help.`;
  if (learnedByHeart()) {
    const gap = 100 * (kept.accuracy - kept.validation_accuracy);
    const help = [augments ? "" : "augmentation", drops ? "" : "dropout", "more data"];
    return `Training images are right ${gap.toFixed(1)} points more often: the network has begun ` +
      `to learn them by heart. What may help: ${help.filter(Boolean).join(", ")}.`;
  }
  if (run.outcome === "finished" && bestEpoch === epochs.length && epochs.length > 1)
    return "The last epoch was the best one: more may improve it further.";
  return "";
}

const pairWords = ([label, predicted, many]) =>
  `${quoted(label)} was taken for ${quoted(predicted)} ${times(many)}`;

function confusionWords() {
  if (!evaluation) return "";
  const [worst] = mixedUp();
  if (!worst) return "Nothing was taken for anything else.";
  if (worst[2] === 1) return "No class was taken for the same other one twice.";
  return `Most often confused: ${pairWords(worst)}.`;
}

function matrixWords() {
  const often = mixedUp().filter(([, , many]) => many > 1).slice(0, 5).map(pairWords);
  return "Each row is a label, each column a prediction. " +
    (often.length ? `Most often, ${often.join(", ")}.` : confusionWords());
}

function calibrationWords() {
  return `Its predictions are ${percent(meanConfidence())} sure on average, and ` +
    `${percent(evaluation.accuracy)} of them are right. Where both agree for predictions of any ` +
    "confidence, the points lie on the dashed line; below it the network is surer than it should " +
    "be, above it less sure. Their mean distance from it, weighted by images, is the expected " +
    `calibration error: ${percent(evaluation.calibration_error)}, with ` +
    `${evaluation.calibration.length} bins of equal width (Guo, Pleiss, Sun, Weinberger, 2017). ` +
    "Points of few images lie where chance puts them.";
}

/* The entropy of a smoothed label: the loss of an answer that is just that. */
function leastSmoothed() {
  const other = options.label_smoothing / model.classes.length;
  const own = 1 - options.label_smoothing + other;
  return -own * Math.log(own) - (model.classes.length - 1) * other * Math.log(other);
}

/* What the loss of training is measured against, where that is not the labels alone. */
function targetsWords() {
  if (options.teacher)
    return " The loss of training is that of the labels in part, and for the rest how far the answers " +
      "are from the teacher's (their divergence, times the square of the temperature).";
  if (!smooths) return "";
  return " The loss of training is that of smoothed labels, which cannot be less than " +
    `${decimal(leastSmoothed())}.`;
}

function curvesWords() {
  const targets = targetsWords();
  if (!best)
    return "Without validation images, training alone can be shown: it does not tell how new " +
      `images will do.${targets}`;
  const harder = [augments ? "augmentation" : "", drops ? "dropout" : ""].filter(Boolean);
  const behind = kept.accuracy < kept.validation_accuracy
    ? " Training can look worse than validation: it is measured while the weights still change" +
      `${harder.length ? `, with ${harder.join(" and ")}` : ""}.`
    : "";
  return `The dashed line marks epoch ${bestEpoch}, which had the least validation loss, ` +
    `${decimal(best.validation_loss)}.${behind}${targets}`;
}

function networkWords() {
  const image = size([model.height, model.width, model.channels]);
  return `${plural(model.layers.length, "layer", "layers")} from an image of ${image} (height, ` +
    `width, channels) to ${plural(model.classes.length, "class", "classes")}: ` +
    `${plural(model.parameters, "parameter", "parameters")} and ${mflop(model.mflop)} million ` +
    "floating-point operations an image.";
}

function splitWords() {
  const { source, added, folds, fold, fraction, division, list, validation_count: held } =
    run.data;
  const second = held ? ` and ${count(held)} for validation` : "";
  const first = plural(run.data.count, "image", "images");
  const more = added ? ` and, to train on alone, ${added}` : "";
  const all = `${first} to train on${second} from ${source || "memory"}${more}`;
  if (list) return `${all}, whose numbers are in ${list}.`;
  if (folds)
    return `${all}: part ${fold} of ${folds}, drawn with seed ${division}, is for validation.`;
  if (fraction)
    return `${all}: ${Number((100 * fraction).toPrecision(4))}\u00a0% of them, drawn with seed ` +
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
    elastic: (x) => `bent by about ${plural(x, "pixel", "pixels")}`,
    thickness: (x) => `made thicker or thinner by up to ${plural(x, "pixel", "pixels")}`,
    blur: (x) => `blurred by up to ${percent(x, 0)}`,
    contrast: (x) => `dimmed by up to ${percent(x, 0)}`,
    background: (x) => `laid on a background of up to ${percent(x, 0)} of white`,
    erase: (x) => `erased in a square of up to ${percent(x, 0)} of the image's side`,
  };
  const said = options.augment.split(",").map((text) => {
    const [key, value] = text.split("=");
    if (!words[key]) return text;
    return Number(value) ? words[key](Number(value)) : "";
  });
  return `Each time that an image is trained on, it is ${said.filter(Boolean).join(", ")}, at ` +
    "random. On top, marked, the image as it is; below, what the network saw in epochs 1, 2 and 3.";
}

/* The numbers under images. */
function numberWords() {
  const part = evaluation.set === "test" || run.data.split === "test" ? "test" : "training";
  const before = evaluation.set === "validation" ? ", before some were set aside" : "";
  return `The number is its place among all ${part} images${before}, from 0: deepdigits data ` +
    "export names its file by it.";
}

function predictionsWords() {
  const shown = evaluation.samples.length;
  return `${shown} of the ${count(evaluation.count)} ${evaluation.set} images, evenly spread, ` +
    "each with the classes that the network holds most probable.";
}

function mistakesWords() {
  if (!wrong) return `Nothing: every one of the ${count(evaluation.count)} ${evaluation.set} ` +
    "images is right.";
  const hidden = wrong - evaluation.wrong.length;
  const rest = hidden ? `; the ${count(hidden)} least sure of them are not shown` : "";
  const order = wrong > 1 ? `, the surest mistakes first${rest}` : "";
  return `${plural(wrong, "image", "images")} of ${count(evaluation.count)}${order}. Under each: ` +
    `its label, what it was taken for, and the probabilities of both. ${numberWords()}`;
}

/* What was asked for after the command that began the run. */
function askedWords() {
  const stop = options.early_stop
    ? `to stop early after ${plural(options.early_stop, "epoch", "epochs")} without a lower ` +
      "validation loss"
    : "without early stop";
  return "This command began the run. In the end it was asked for " +
    `${plural(options.epochs, "epoch", "epochs")}, ${stop}.`;
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
