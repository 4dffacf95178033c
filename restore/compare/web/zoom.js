// Position of the picture in a pane. All panes have one size, so it is the same in each.

const paneBox = () => byId("stage").querySelector(".pane").getBoundingClientRect();
const onePixel = () => 1 / devicePixelRatio;
const largest = () => 32 * onePixel();

// The largest scale at which the whole picture fits in a pane or another box.
function fittingScale([width, height], pane = paneBox()) {
  return Math.min(pane.width / width, pane.height / height, 8 * onePixel());
}

const fitting = () => fittingScale(contentSize(shownRow()));
const smallest = () => Math.min(fitting(), onePixel());

// Whether part of the picture is outside the pane.
function isCut() {
  return state.scale > fitting() * 1.0001;
}

// Clamp the center on an axis, 0..1, so that no avoidable empty space is shown.
function boundedCenter(center, length, window) {
  const half = window / 2 / length;
  return half >= 0.5 ? 0.5 : Math.min(1 - half, Math.max(half, center));
}

function settle() {
  const pane = paneBox();
  const [width, height] = contentSize(shownRow());
  state.scale = state.fitted ? fitting() : Math.max(smallest(), state.scale);
  state.center.x = boundedCenter(state.center.x, width * state.scale, pane.width);
  state.center.y = boundedCenter(state.center.y, height * state.scale, pane.height);
}

// Left, top, width and height of the picture within a pane.
function pictureBox() {
  const pane = paneBox();
  const [width, height] = contentSize(shownRow()).map(side => side * state.scale);
  return { left: pane.width / 2 - state.center.x * width, top: pane.height / 2 - state.center.y * height, width, height };
}

// Set the scale, keeping a point of the pane fixed.
function zoomTo(scale, place = { x: paneBox().width / 2, y: paneBox().height / 2 }) {
  const before = pictureBox();
  const at = { x: (place.x - before.left) / before.width, y: (place.y - before.top) / before.height };
  const pane = paneBox();
  const [width, height] = contentSize(shownRow());
  state.scale = Math.min(Math.max(largest(), fitting()), Math.max(smallest(), scale));
  state.fitted = state.scale === fitting();
  state.center.x = at.x + (pane.width / 2 - place.x) / (width * state.scale);
  state.center.y = at.y + (pane.height / 2 - place.y) / (height * state.scale);
  draw();
}

const zoomBy = (factor, place) => zoomTo(state.scale * factor, place);

// Zoom by wheel or fingers; zooming out stops at the whole picture.
function zoomSmoothly(factor, place) {
  zoomTo(Math.max(state.scale * factor, Math.min(state.scale, fitting())), place);
}

function zoomToFit() {
  state.fitted = true;
  draw();
}

const zoomToPixels = place => zoomTo(onePixel(), place);

// Toggle between the whole picture and 100 %; if these are the same, use 200 %.
function zoomToggled(place) {
  if (!state.fitted) zoomToFit();
  else if (Math.abs(state.scale / onePixel() - 1) > 0.01) zoomToPixels(place);
  else zoomBy(2, place);
}

// Move the picture by screen pixels.
function panBy(x, y) {
  const [width, height] = contentSize(shownRow());
  state.center.x -= x / (width * state.scale);
  state.center.y -= y / (height * state.scale);
  draw();
}
