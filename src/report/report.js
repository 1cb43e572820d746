/* report.js: fills the page's sections. Text goes in as text, never as markup: names, paths and
   commands come from anyone. */

/* ---- Elements ---- */

const by = (id) => document.getElementById(id);

/* make("td", {className: "number"}, "7"): an element with its properties and children. */
function make(tag, properties, ...children) {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...children);
  return element;
}

const picture = (source, words) => make("img", { src: source, alt: words, title: words });
const named = (index) => make("b", { title: className(index) }, className(index));

/* Shows a section, with its first sentence. */
function show(id, words) {
  by(id).hidden = false;
  by(`${id}-text`).textContent = words;
}

/* A table from a head and rows of cells. A column whose head begins with "#" holds numbers. The
   first cell of a row is its head. */
function fill(table, head, rows, foot = []) {
  const numbers = head.map((text) => text.startsWith("#"));
  const cell = (tag, column, content) =>
    make(tag, { className: numbers[column] ? "number" : "" }, content);
  const headCell = (column, scope, content) =>
    Object.assign(cell("th", column, content), { scope });
  const row = ([first, ...others]) => make("tr", {}, headCell(0, "row", first),
    ...others.map((content, i) => cell("td", i + 1, content)));
  const top = head.map((text, column) => headCell(column, "col", text.replace("#", "")));
  table.append(
    make("thead", {}, make("tr", {}, ...top)),
    make("tbody", {}, ...rows.map(row)),
    make("tfoot", {}, ...foot.map(row)));
}

function describe(list, term, content) {
  list.append(make("dt", {}, term), make("dd", {}, content));
}

/* A command, in pieces that lines do not break unless one is longer than a line. */
const command = (text) => make("code", {},
  ...text.split(" ").flatMap((word, i) => [i ? " " : "", make("span", {}, word)]));

/* Shows the first part of what is long, and a button for the rest. */
function fold(element, words) {
  if (element.scrollHeight < 900) return;
  element.classList.add("folded");
  const button = make("button", { type: "button" }, words);
  button.addEventListener("click", () => {
    element.classList.remove("folded");
    button.remove();
  });
  element.after(button);
}

/* ---- Headline ---- */

function figure(term, value, more, className = "") {
  by("figures").append(make("div", {},
    make("dt", {}, term),
    make("dd", { className }, value),
    make("dd", { className: "more" }, more)));
}

function headline() {
  const add = (...content) => by("verdict").append(make("p", {}, ...content));
  add(resultWords());
  add(outcomeWords());
  for (const words of [adviceWords(), confusionWords()]) if (words) add(words);
  if (goOn() && run.outcome !== "finished") add(`${goOn()[0]} `, command(goOn()[1]));
  if (evaluation)
    figure(`${capital(evaluation.set)} accuracy`, percent(evaluation.accuracy),
      `${count(wrong)} wrong, loss ${decimal(evaluation.loss)}`);
  else if (kept)
    figure(hasValidation ? "Validation accuracy" : "Training accuracy",
      percent(hasValidation ? kept.validation_accuracy : kept.accuracy), `epoch ${keptEpoch}`);
  if (evaluation)
    figure("Calibration error", percent(evaluation.calibration_error),
      `${percent(meanConfidence())} sure on average`);
  figure("Epochs", `${epochs.length} of ${options.epochs}`,
    [run.outcome, kept ? `weights kept: epoch ${keptEpoch}` : ""].filter(Boolean).join("; "));
  figure("Time", duration(seconds),
    kept ? `${duration(seconds / epochs.length)} an epoch` : "");
  figure("Rate", rateWords, "training images a second");
  figure("Device", run.device, run.platform, "words");
}

function missing() {
  if (!report.missing) return;
  by("missing").hidden = false;
  by("missing").textContent = "This page is without images, predictions and mistakes, because " +
    `the data could not be had: ${report.missing}. Give their place with deepdigits report RUN ` +
    "--data DATA.";
}

function contents() {
  for (const section of document.querySelectorAll("section:not([hidden])")) {
    const title = section.querySelector("h2").textContent;
    by("contents").append(make("a", { href: `#${section.id}` }, title));
  }
}

/* ---- Training, network ---- */

function curves() {
  if (!kept) return;
  show("curves", curvesWords());
  drawCurves();
  const head = ["Epoch", "#Loss", "#Accuracy", "#Validation loss", "#Validation accuracy",
    "#Learning rate", "#Images/s"];
  fill(by("epochs"), head, epochs.map((epoch) => [
    String(epoch.epoch),
    decimal(epoch.loss),
    percent(epoch.accuracy),
    decimal(epoch.validation_loss),
    percent(epoch.validation_accuracy),
    rate(epoch.learning_rate),
    isNumber(epoch.images_per_second) ? count(Math.round(epoch.images_per_second)) : "-",
  ]));
  by("epochs").tBodies[0].rows[keptEpoch - 1].className = "kept";
}

function network() {
  by("network-text").textContent = networkWords();
  fill(by("layers"), ["Layer", "Op", "Settings", "Output", "#Parameters", "#MFLOP"],
    model.layers.map((layer) => [
      layer.name,
      layer.op,
      layer.settings,
      make("span", { className: "shape" }, size(layer.output)),
      layer.parameters ? count(layer.parameters) : "",
      layer.mflop < 0.0005 ? "" : mflop(layer.mflop),
    ]),
    [["All", "", "", "", count(model.parameters), mflop(model.mflop)]]);
  fold(by("diagram"), `Show all ${model.layers.length} layers`);
}

/* ---- Data ---- */

function samples() {
  const groups = new Map();
  for (const { label, image } of data.samples) {
    if (!groups.has(label)) groups.set(label, []);
    groups.get(label).push(picture(image, `a training image of class ${className(label)}`));
  }
  const most = Math.max(...[...groups.values()].map((group) => group.length));
  by("samples").style.setProperty("--each", most);
  for (const [label, images] of groups)
    by("samples").append(make("div", {}, named(label), make("div", {}, ...images)));
}

function augmented() {
  by("augment-text").textContent = data.augmented.length
    ? augmentWords()
    : "It does not: this training used the images as they are.";
  for (const { label, images } of data.augmented) {
    const words = (epoch) =>
      epoch ? `the same in epoch ${epoch}` : `class ${className(label)} as it is`;
    by("augmented").append(make("div", {}, named(label),
      ...images.map((image, epoch) => picture(image, words(epoch)))));
  }
}

function dataset() {
  if (!data) return;
  show("data", splitWords());
  by("counts-box").style.minWidth = `${14 * model.classes.length}px`;
  drawCounts();
  samples();
  augmented();
}

/* ---- Predictions ---- */

function answer({ class: index, probability }) {
  const bar = make("i");
  bar.style.setProperty("--share", probability);
  return [named(index), bar, make("span", {}, percent(probability, 1))];
}

function predictions() {
  if (!evaluation) return;
  const shown = evaluation.samples;
  show("predictions", predictionsWords());
  for (const { number, label, answers, image } of shown) {
    const hit = answers[0].class === label;
    by("predicted").append(make("li", { className: hit ? "" : "missed" },
      picture(image, `image ${number} of class ${className(label)}`),
      make("div", { className: "answers" }, ...answers.flatMap(answer)),
      make("p", {}, hit ? "\u2713 right" : `\u2717 wrong: it is ${className(label)}`)));
  }
  fold(by("predicted-fold"), `Show all ${shown.length}`);
}

function mistakes() {
  if (!evaluation) return;
  show("wrong", mistakesWords());
  for (const shown of evaluation.wrong) {
    const { number, label, label_probability: own, answers: [first], image } = shown;
    const [name, taken] = [className(label), className(first.class)];
    const shares = `${name}:\u00a0${percent(own, 1)}, ` +
      `${taken}:\u00a0${percent(first.probability, 1)}`;
    by("mistakes").append(make("li", {},
      picture(image, `image ${number}: ${name} taken for ${taken}`),
      make("b", {}, name), " taken for ", make("b", {}, taken),
      make("span", {}, shares),
      make("span", {}, `image\u00a0${number}`)));
  }
  fold(by("mistakes-fold"), `Show all ${evaluation.wrong.length}`);
}

/* ---- Confusion matrix ---- */

/* Right and wrong have scales of their own: the wrong ones are few, and would all look alike beside
   the right ones. `all` images have this label; `most` is the largest number of wrong ones. */
function matrixCell(many, label, predicted, all, most) {
  const hit = label === predicted;
  if (!many) return make("td", {}, hit ? "0" : "\u00b7");
  const what = hit ? "right" : `taken for ${className(predicted)}`;
  const title = `${className(label)} ${what}: ${count(many)} of ${count(all)}`;
  const cell = make("td", { className: hit ? "hit" : "miss", title }, String(many));
  cell.style.setProperty("--share", hit ? many / all : Math.log1p(many) / Math.log1p(most));
  return cell;
}

function matrixRow(row, label, most) {
  const all = sum(row);
  const name = className(label);
  return make("tr", {}, make("th", { scope: "row", title: name }, name),
    ...row.map((many, predicted) => matrixCell(many, label, predicted, all, most)));
}

function matrix() {
  const table = by("matrix");
  const most = Math.max(1, ...mixedUp().map(([, , many]) => many));
  const corner = make("td", {}, make("span", { className: "unseen" }, "label, then prediction"));
  const heads = model.classes.map((name) =>
    make("th", { scope: "col", title: name }, make("span", {}, name)));
  if (model.classes.length > 20) table.classList.add("many");
  if (model.classes.length <= 12) table.classList.add("few");
  table.append(
    make("caption", { className: "unseen" }, "Rows: labels. Columns: what was predicted."),
    make("thead", {}, make("tr", {}, corner, ...heads)),
    make("tbody", {}, ...evaluation.confusion.map((row, label) => matrixRow(row, label, most))));
  by("matrix-key").append(
    make("span", {}, make("i", { className: "hit" }), "right, stronger for more of its row"),
    make("span", {}, make("i", { className: "miss" }),
      `wrong, stronger for more images, up to ${count(most)}, on a logarithmic scale`));
}

function classTable() {
  const all = scores();
  const mean = (key) => {
    const known = all.map((score) => score[key]).filter(isNumber);
    return known.length ? percent(sum(known) / known.length) : "-";
  };
  fill(by("classes"), ["Class", "#Precision", "#Recall", "#F1", "#Images"],
    all.map(({ precision, recall, f1, labelled }, c) =>
      [className(c), percent(precision), percent(recall), percent(f1), count(labelled)]),
    [["Macro average", mean("precision"), mean("recall"), mean("f1"), ""],
      ["Accuracy", "", percent(evaluation.accuracy), "", count(evaluation.count)]]);
}

function confusion() {
  if (!evaluation) return;
  show("confusion", matrixWords());
  matrix();
  classTable();
}

/* ---- Calibration ---- */

function calibration() {
  if (!evaluation) return;
  show("calibration", calibrationWords());
  drawCalibration();
  fill(by("bins"), ["Confidence", "#Mean", "#Right", "#Images"],
    evaluation.calibration.flatMap(({ count: many, confidence, accuracy }, bin) =>
      many ? [[binName(bin), percent(confidence), percent(accuracy), count(many)]] : []),
    [["All", percent(meanConfidence()), percent(evaluation.accuracy), count(evaluation.count)]]);
}

/* ---- To repeat it ---- */

const fileWords = {
  "model.safetensors": "the trained model: everything needed to use it",
  "last.safetensors": "the weights of the last epoch",
  "best.safetensors": "the weights of the epoch with the least validation loss",
  checkpoint: "everything needed to go on with the training",
  "history.csv": "a row an epoch, as in the curves above",
  "run.json": "what this page says about the run, for programs",
};

function repeat() {
  if (run.command) {
    by("command").append(command(run.command));
    by("asked").textContent = askedWords();
  }
  by("command").hidden = by("asked").hidden = !run.command;
  by("go-on-box").hidden = !goOn();
  if (goOn()) {
    by("go-on-words").textContent = goOn()[0];
    by("go-on").append(command(goOn()[1]));
  }
  const stop = options.early_stop ? `, early stop after ${options.early_stop}` : "";
  const rows = {
    Data: splitWords(),
    Seed: options.seed,
    Optimizer: optimizerWords(),
    Schedule: options.schedule,
    ...(options.freeze && { "Frozen layers": options.freeze }),
    ...(smooths && { "Label smoothing": options.label_smoothing }),
    ...(options.teacher && { Teacher: `${options.teacher}, ${options.distill}` }),
    Augmentation: options.augment || "none",
    Batch: plural(options.batch, "image", "images"),
    Epochs: `${epochs.length} of ${options.epochs}${stop}`,
    "Weights kept": keptBest ? "of the epoch with the least validation loss" : "of the last epoch",
    Time: `${duration(seconds)}, ${rateWords} training images a second`,
    Device: run.device,
    "Platform, driver": `${run.platform}, ${run.driver}`,
    deepdigits: run.version,
    Date: run.written.replace("T", " ").replace("Z", " UTC"),
  };
  for (const [term, words] of Object.entries(rows)) describe(by("settings"), term, words);
  for (const name of report.files)
    describe(by("files"), make("a", { href: name }, name), fileWords[name]);
  by("version").textContent = run.version;
}

/* ---- The page ---- */

/* What is wider than its box says so, and can be scrolled with keys. */
const sizes = new ResizeObserver((entries) => {
  requestAnimationFrame(() => entries.forEach(({ target }) => {
    const wide = target.scrollWidth > target.clientWidth + 1;
    target.classList.toggle("wide", wide);
    if (wide) target.tabIndex = 0;
    else target.removeAttribute("tabindex");
  }));
});

/* Paper gets the light colours, whatever the screen has. */
function paper(printing) {
  document.documentElement.classList.toggle("printing", printing);
  redraw();
}

if (model.width > 40) document.documentElement.style.setProperty("--thumb", "64px");
if (model.classes.some((name) => name.length > 4)) document.documentElement.classList.add("long");
headline();
missing();
curves();
network();
dataset();
predictions();
confusion();
calibration();
mistakes();
repeat();
contents();
redraw();
for (const box of document.querySelectorAll(".scroll")) sizes.observe(box);
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);
addEventListener("beforeprint", () => paper(true));
addEventListener("afterprint", () => paper(false));
