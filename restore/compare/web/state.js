// The page's data and the current choices. The data come from the block written by restore; nothing else is fetched.

const byId = id => document.getElementById(id);
const facts = JSON.parse(byId("facts").textContent);

// row: number of the shown picture; order: rows in the table's current order, only those with pictures.
// scale: screen pixels per picture pixel; center: the point of the picture, 0..1, in the middle of a pane.
// divider: percentage of the visible part of the picture that is on its left.
const state = {
  row: -1,
  order: [],
  view: "slider",
  left: 0,
  right: 1,
  fitted: true,
  scale: 1,
  center: { x: 0.5, y: 0.5 },
  divider: 50,
  smooth: true,
  amplify: 4,
  peek: false,
};

const base = facts.base;
const shownRow = () => facts.rows[state.row];

// The versions of a picture that can be shown.
function seen(row) {
  return facts.labels.map((_, version) => version).filter(version => row.versions[version]?.pixels);
}

// [width, height] of the largest shown version; all are drawn at its size.
function contentSize(row) {
  const sizes = seen(row).map(version => row.versions[version].shown);
  return sizes.reduce((most, size) => (size[0] * size[1] > most[0] * most[1] ? size : most));
}

// An element with a class and text; text is never parsed as markup.
function element(tag, className = "", text = "") {
  const made = document.createElement(tag);
  if (className) made.className = className;
  if (text) made.textContent = text;
  return made;
}

// Mark a button as idle: unlike a disabled one, it keeps the focus.
function setIdle(button, idle) {
  button.setAttribute("aria-disabled", idle);
}

function say(text) {
  byId("said").textContent = text;
}
