// The panes of the viewer: rebuilt when the view changes, refilled for each picture.

// Every picture on the stage: its image, how to get its reference from a row, and the text if it is missing.
let layers = [];
let built = "";

const FIRST = 0; // the original version, wherever it is shown

const pixelsOf = version => row => row.versions[version]?.pixels ?? null;
const mapOf = version => row => row.versions[version]?.map ?? null;

// The version in the difference view: the one on the right, or another if that is the base of the differences.
function differing() {
  return [state.right, state.left, ...facts.labels.keys()].find(version => version !== base);
}

function layer(pane, source, className, alt, absent = "") {
  const box = element("div", `layer ${className}`);
  const image = element("img");
  image.alt = alt;
  image.draggable = false;
  image.hidden = true;
  const words = element("p", "absent");
  words.hidden = true;
  box.append(image, words);
  pane.append(box);
  const made = { box, image, words, source, absent };
  layers.push(made);
  return made;
}

// A label on a pane; a select box if there are several versions to choose from.
function tag(pane, className, versions, chosen, text, choose) {
  const label = element("label", `tag ${className}`);
  if (versions.length < 2) {
    label.append(element("span", "", text(chosen)));
  } else {
    const select = element("select");
    select.setAttribute("aria-label", className === "right" ? "Version on the right" : "Version on the left");
    for (const version of versions) select.append(new Option(text(version), version, false, version === chosen));
    select.addEventListener("change", () => choose(Number(select.value)));
    label.append(select);
  }
  pane.append(label);
}

const missing = version => `${facts.labels[version]} has no picture to show here`;
const nameOf = version => facts.labels[version];

function buildSlider() {
  const pane = element("div", "pane");
  const choices = facts.labels.length > 2 ? [...facts.labels.keys()] : [];
  layer(pane, pixelsOf(state.left), "main", nameOf(state.left), missing(state.left));
  layer(pane, pixelsOf(state.right), "over", nameOf(state.right), missing(state.right));
  layer(pane, pixelsOf(FIRST), "peek", nameOf(FIRST));
  tag(pane, "left", choices, state.left, nameOf, version => chooseVersions(version, state.right));
  tag(pane, "right", choices, state.right, nameOf, version => chooseVersions(state.left, version));
  pane.append(divider());
  return [pane];
}

function buildSide() {
  return [...facts.labels.keys()].map(version => {
    const pane = element("div", "pane");
    layer(pane, pixelsOf(version), "main", nameOf(version), missing(version));
    layer(pane, pixelsOf(FIRST), "peek", nameOf(FIRST));
    tag(pane, "left", [], version, nameOf);
    return pane;
  });
}

function buildDifference() {
  const pane = element("div", "pane");
  const version = differing();
  const others = [...facts.labels.keys()].filter(one => one !== base);
  const text = one => `${facts.labels[one]} − ${facts.labels[base]}`;
  layer(pane, mapOf(version), "main heat", `Difference of ${nameOf(version)} from ${nameOf(base)}`, "No difference to show: a picture is missing");
  layer(pane, pixelsOf(version), "peek", nameOf(version));
  tag(pane, "left", others, version, text, one => chooseVersions(state.left === one ? base : state.left, one));
  return [pane];
}

const BUILDERS = { slider: buildSlider, side: buildSide, difference: buildDifference };

function build() {
  const wanted = [state.view, state.left, state.right].join();
  if (built === wanted) return;
  built = wanted;
  layers = [];
  const stage = byId("stage");
  const sliding = document.activeElement?.id === "divider";
  stage.dataset.view = state.view;
  stage.replaceChildren(...BUILDERS[state.view]());
  if (sliding) byId("divider")?.focus({ preventScroll: true });
  byId("legend").hidden = state.view !== "difference";
  byId("legend-what").textContent = `Difference from ${facts.labels[base]}`;
}

// References that must be decoded before a picture can be shown in this view.
function wantedReferences(row) {
  return [...new Set(layers.map(({ source }) => source(row)))].filter(Boolean);
}

async function fill(row) {
  for (const { image, words, source, absent } of layers) {
    const reference = source(row);
    const shown = reference && !broken.has(reference);
    image.hidden = !shown;
    if (shown) image.src = await urlOf(reference);
    else image.removeAttribute("src");
    // Layers that are only visible while a key is held have no text.
    words.textContent = shown || !absent ? "" : reference ? `${image.alt}: this picture cannot be shown. Its file is damaged or missing` : absent;
    words.hidden = !words.textContent;
  }
}

// The number of columns that shows the picture largest; slightly smaller but without an empty place is preferred.
function arrangeColumns() {
  const stage = byId("stage");
  const count = stage.children.length;
  const size = contentSize(shownRow());
  const scale = columns => {
    const rows = Math.ceil(count / columns);
    return fittingScale(size, { width: stage.clientWidth / columns, height: stage.clientHeight / rows });
  };
  const choices = Array.from({ length: count }, (_, i) => i + 1);
  const worth = columns => scale(columns) * (count % columns ? 0.8 : 1);
  const best = choices.reduce((most, columns) => (worth(columns) > worth(most) * 1.001 ? columns : most));
  stage.style.setProperty("--columns", best);
}

// Position everything; cheap enough to run on every pointer move.
function draw() {
  if (state.row < 0 || !byId("stage").firstElementChild) return;
  arrangeColumns();
  settle();
  const { left, top, width, height } = pictureBox();
  for (const { image, box } of layers) {
    image.style.width = `${width}px`;
    image.style.height = `${height}px`;
    image.style.transform = `translate(${left}px, ${top}px)`;
    if (box.classList.contains("peek")) box.hidden = !state.peek;
  }
  drawDivider();
  const stage = byId("stage");
  stage.classList.add("drawn");
  stage.classList.toggle("zoomed", isCut());
  stage.classList.toggle("pixels", !state.smooth);
  byId("percent").textContent = `${plain.format(state.scale * devicePixelRatio * 100)} %`;
  setIdle(byId("zoom-out"), state.scale <= smallest());
}
