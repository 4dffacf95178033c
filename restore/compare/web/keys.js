// The keyboard: one list defines what each key does and how the help describes it.

const STEP = 60; // screen pixels that an arrow key moves a picture

function arrow(event, x) {
  const onStage = document.activeElement === byId("stage");
  if (state.view === "slider" && (!isCut() || !onStage)) return setDivider(state.divider + x * (event.shiftKey ? 10 : 1));
  return isCut() ? panBy(-x * STEP, 0) : IDLE;
}

// Returned by an action if the key has no meaning here: the browser then handles it.
const IDLE = false;
const divide = value => (state.view === "slider" ? setDivider(value) : IDLE);

const KEYS = [
  { shown: ["←", "→"], text: "move the divider, with Shift by ten; or the picture, if it is focused and larger than its window", does: { ArrowLeft: event => arrow(event, -1), ArrowRight: event => arrow(event, 1) } },
  { shown: ["Home", "End"], text: "move the divider to the left or right end", does: { Home: () => divide(0), End: () => divide(100) } },
  { shown: ["J", "K"], text: "next or previous picture", does: { j: () => walk(1), k: () => walk(-1) } },
  { shown: ["S", "B", "D"], text: "slider, side by side, difference", does: { s: () => setView("slider"), b: () => setView("side"), d: () => setView("difference") } },
  { shown: ["+", "−"], text: "zoom in or out", does: { "+": () => zoomBy(1.25), "=": () => zoomBy(1.25), "-": () => zoomBy(0.8), "−": () => zoomBy(0.8) } },
  { shown: ["0", "1"], text: "fit the whole picture; one picture pixel per screen pixel", does: { 0: () => zoomToFit(), 1: () => zoomToPixels() } },
  { shown: ["Space"], text: "hold to see the first version; in the difference view, the picture", does: { " ": () => setPeek(true) } },
  { shown: ["X"], text: "swap left and right", does: { x: () => chooseVersions(state.right, state.left) } },
  { shown: ["P"], text: "show enlarged pixels smooth or square", does: { p: () => setSmooth(!state.smooth) } },
  { shown: ["A"], text: "amplify differences more, then start over", does: { a: () => setAmplify(state.amplify >= 16 ? 1 : state.amplify * 2) } },
  { shown: ["F"], text: "full screen", does: { f: () => toggleFull() } },
  { shown: ["T"], text: "dark or light", does: { t: () => toggleTheme() } },
  { shown: ["?"], text: "this help", does: { "?": () => byId("help").showModal() } },
];

const ACTIONS = Object.assign({}, ...KEYS.map(({ does }) => does));

// Keys that the focused element handles itself.
function taken(event) {
  const at = event.target;
  if (at.closest("input[type=search], select, dialog")) return true;
  const own = at.closest("button, input[type=radio], summary, a");
  if (own && [" ", "Enter"].includes(event.key)) return true;
  const scrolls = at.closest(".scroller, input[type=radio]");
  return Boolean(scrolls) && /^(Arrow|Home|End)/.test(event.key);
}

function pressed(event) {
  if (event.ctrlKey || event.metaKey || event.altKey || taken(event)) return;
  const name = event.key.length === 1 ? event.key.toLowerCase() : event.key;
  const upright = { ArrowUp: STEP, ArrowDown: -STEP }[name];
  if (upright && state.row >= 0 && isCut() && document.activeElement?.closest("#stage")) {
    event.preventDefault();
    panBy(0, upright);
    return;
  }
  const action = ACTIONS[name];
  if (!action || (state.row < 0 && !["t", "?"].includes(name))) return;
  if (action(event) !== IDLE) event.preventDefault();
}

function setPeek(peek) {
  if (state.peek === peek) return;
  state.peek = peek;
  draw();
}

function listenToKeys() {
  addEventListener("keydown", pressed);
  addEventListener("keyup", event => event.key === " " && setPeek(false));
  addEventListener("blur", () => setPeek(false));
  for (const { shown, text } of KEYS) {
    const line = element("div");
    const keys = element("dt");
    keys.append(...shown.map(key => element("kbd", "", key)));
    line.append(keys, element("dd", "", text));
    byId("keys").append(line);
  }
}
