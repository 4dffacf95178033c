// The line between two pictures.

function divider() {
  const handle = element("div", "divider");
  handle.id = "divider";
  handle.tabIndex = 0;
  const attributes = {
    role: "slider",
    "aria-label": `Divider between ${nameOf(state.left)} and ${nameOf(state.right)}`,
    "aria-orientation": "horizontal",
    "aria-valuemin": 0,
    "aria-valuemax": 100,
  };
  for (const [name, value] of Object.entries(attributes)) handle.setAttribute(name, value);
  return handle;
}

// Left and right ends of the visible part of the picture, in the pane.
function seenSpan() {
  const { left, width } = pictureBox();
  return [Math.max(0, left), Math.min(paneBox().width, left + width)];
}

function drawDivider() {
  const handle = byId("divider");
  if (!handle) return;
  const [from, to] = seenSpan();
  const place = from + ((to - from) * state.divider) / 100;
  const over = layers.find(({ box }) => box.classList.contains("over")).box;
  over.style.clipPath = `inset(0 0 0 ${place}px)`;
  handle.style.transform = `translateX(${place}px)`;
  const shown = Math.round(state.divider);
  handle.setAttribute("aria-valuenow", shown);
  handle.setAttribute("aria-valuetext", `${shown} % ${nameOf(state.left)}, ${100 - shown} % ${nameOf(state.right)}`);
}

function setDivider(value) {
  state.divider = Math.min(100, Math.max(0, value));
  drawDivider();
}

function slideTo(clientX) {
  const [from, to] = seenSpan();
  setDivider((100 * (clientX - paneBox().left - from)) / Math.max(1, to - from));
}
