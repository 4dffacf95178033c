// Mouse, pen and fingers on the stage.

const NEAR = 24; // screen pixels, about the width of a finger
const DOUBLE = 320; // milliseconds between the two of a double click

const pointers = new Map();
let drag = null;
let lastTap = { time: -Infinity, x: 0, y: 0 };

// Convert a screen position to one in the pane under it.
function placeInPane({ x, y }) {
  const boxes = [...byId("stage").children].map(pane => pane.getBoundingClientRect());
  const box = boxes.find(one => x >= one.left && x < one.right && y >= one.top && y < one.bottom) ?? boxes[0];
  return { x: x - box.left, y: y - box.top };
}

const pointOf = event => ({ x: event.clientX, y: event.clientY });
const apart = (one, other) => Math.hypot(one.x - other.x, one.y - other.y);
const between = (one, other) => ({ x: (one.x + other.x) / 2, y: (one.y + other.y) / 2 });

function slides(event) {
  const handle = byId("divider");
  if (!handle) return false;
  const line = handle.getBoundingClientRect();
  return !isCut() || Math.abs(event.clientX - (line.left + line.right) / 2) < NEAR;
}

function beginDrag(event) {
  if (event.button || event.target.closest(".tag") || state.row < 0) return;
  byId("stage").setPointerCapture(event.pointerId);
  pointers.set(event.pointerId, pointOf(event));
  if (pointers.size === 2) {
    drag = { kind: "pinch" };
    return;
  }
  drag = { kind: slides(event) ? "slide" : "pan", start: pointOf(event), moved: false };
  byId("stage").classList.add(drag.kind === "slide" ? "sliding" : "dragging");
  // A finger may be about to scroll the page, so it moves the divider only once it goes sideways.
  if (drag.kind === "slide" && event.pointerType !== "touch") slideTo(event.clientX);
}

function goOn(event) {
  if (!pointers.has(event.pointerId) || !drag) return;
  const before = pointers.get(event.pointerId);
  const now = pointOf(event);
  pointers.set(event.pointerId, now);
  if (drag.kind === "pinch") {
    pinch(event.pointerId, before, now);
    return;
  }
  drag.moved ||= apart(drag.start, now) > 4;
  if (drag.kind === "slide") slideTo(now.x);
  else panBy(now.x - before.x, now.y - before.y);
}

function pinch(moved, before, now) {
  const [, still] = [...pointers].find(([id]) => id !== moved) ?? [];
  if (!still) return;
  const [from, to] = [between(before, still), between(now, still)];
  zoomSmoothly(apart(now, still) / Math.max(1, apart(before, still)), placeInPane(from));
  panBy(to.x - from.x, to.y - from.y);
}

function endDrag(event) {
  if (!pointers.delete(event.pointerId)) return;
  const ended = drag;
  if (!pointers.size) {
    drag = null;
    byId("stage").classList.remove("sliding", "dragging");
  }
  if (event.type === "pointercancel" || !ended || ended.kind === "pinch") return;
  if (ended.kind === "slide") {
    slideTo(event.clientX);
    byId("divider")?.focus({ preventScroll: true, focusVisible: false });
  }
  if (!ended.moved) tapped(event);
}

function tapped(event) {
  const place = pointOf(event);
  const twice = event.timeStamp - lastTap.time < DOUBLE && apart(place, lastTap) < NEAR;
  lastTap = twice ? { time: -Infinity, x: 0, y: 0 } : { time: event.timeStamp, ...place };
  if (twice) zoomToggled(placeInPane(place));
}

// The wheel zooms, but scrolls the page if there is nothing to zoom out of, or while scrolling back to its top.
function wheel(event) {
  if (state.row < 0) return;
  const scrolls = !isCut() && (event.deltaY > 0 || scrollY > 0) && !document.fullscreenElement;
  if (scrolls && !event.ctrlKey) return;
  event.preventDefault();
  const lines = event.deltaMode === WheelEvent.DOM_DELTA_LINE ? 16 : 1;
  zoomSmoothly(Math.exp(-event.deltaY * lines * (event.ctrlKey ? 0.01 : 0.002)), placeInPane(pointOf(event)));
}

function listenToGestures() {
  const stage = byId("stage");
  stage.addEventListener("pointerdown", beginDrag);
  stage.addEventListener("pointermove", goOn);
  stage.addEventListener("pointerup", endDrag);
  stage.addEventListener("pointercancel", endDrag);
  stage.addEventListener("wheel", wheel, { passive: false });
  new ResizeObserver(() => draw()).observe(stage);
}
