// What the page shows, and what is chosen. Facts come from the block that restore wrote; nothing else is fetched.

const byId = id => document.getElementById(id);
const facts = JSON.parse(byId("facts").textContent);

// row: the number of the picture that is shown; order: rows as the table has them now, those with pictures alone.
// scale: screen pixels a picture pixel; center: what of the picture, 0..1, is in the middle of a pane.
// divider: how much of what is seen of the picture lies on its left, per cent.
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

// The versions of a picture that can be seen.
function seen(row) {
  return facts.labels.map((_, version) => version).filter(version => row.versions[version]?.pixels);
}

// [width, height] of the largest version that is shown: all are drawn at its size.
function contentSize(row) {
  const sizes = seen(row).map(version => row.versions[version].shown);
  return sizes.reduce((most, size) => (size[0] * size[1] > most[0] * most[1] ? size : most));
}

// An element with a class and text; text is never markup.
function element(tag, className = "", text = "") {
  const made = document.createElement(tag);
  if (className) made.className = className;
  if (text) made.textContent = text;
  return made;
}

// A button with nothing to do: it keeps the focus, which one that is disabled would lose.
function setIdle(button, idle) {
  button.setAttribute("aria-disabled", idle);
}

function say(text) {
  byId("said").textContent = text;
}
