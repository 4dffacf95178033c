// Reactions to choices, and startup.

const storage = {
  get: key => { try { return localStorage.getItem(key); } catch { return null; } },
  set: (key, value) => { try { localStorage.setItem(key, value); } catch { /* not allowed here: not remembered */ } },
};

// Show a picture once everything the view needs is decoded; the previous one stays until then.
let showing = 0;
async function open(number) {
  const mine = ++showing;
  const before = state.row < 0 ? null : contentSize(shownRow());
  const row = facts.rows[number];
  build();
  byId("stage").setAttribute("aria-busy", "true");
  await Promise.all(wantedReferences(row).map(decoded));
  if (mine !== showing) return;
  state.row = number;
  const size = contentSize(row);
  if (!before || before.join() !== size.join()) Object.assign(state, { fitted: true, center: { x: 0.5, y: 0.5 } });
  await fill(row);
  if (mine !== showing) return;
  draw();
  byId("stage").setAttribute("aria-busy", "false");
  describe(row);
  rememberPlace();
  const [last, next] = [-1, 1].map(step => facts.rows[neighbor(step)]).map(one => one ?? row);
  keepAlone([row, last, next]);
  for (const one of [next, last]) wantedReferences(one).forEach(urlOf);
}

function describe(row) {
  byId("name").textContent = row.name;
  byId("name").title = row.name;
  byId("about").textContent = aboutText(row);
  byId("about").title = aboutText(row);
  markWalk();
  markRow();
  markStrip();
  say(`${row.name}, ${state.order.indexOf(state.row) + 1} of ${state.order.length}`);
}

// Disable the buttons at the ends of the table's current order.
function markWalk() {
  setIdle(byId("previous"), neighbor(-1) === undefined);
  setIdle(byId("next"), neighbor(1) === undefined);
}

// The picture that many places further in the table's order.
function neighbor(step) {
  const place = state.order.indexOf(state.row);
  return place < 0 ? state.order[0] : state.order[place + step];
}

function walk(step) {
  const number = neighbor(step);
  if (number !== undefined) open(number);
}

function setView(view) {
  state.view = view;
  document.querySelector(`input[name=view][value="${view}"]`).checked = true;
  if (state.row >= 0) open(state.row);
}

function chooseVersions(left, right) {
  const side = document.activeElement?.closest(".tag")?.classList.contains("right") ? ".tag.right" : ".tag";
  const chosen = Boolean(document.activeElement?.closest(".tag"));
  Object.assign(state, { left, right });
  open(state.row);
  if (chosen) byId("stage").querySelector(`${side} select`)?.focus();
}

function setSmooth(smooth) {
  state.smooth = smooth;
  document.querySelector(`input[name=scaling][value="${smooth ? "smooth" : "pixels"}"]`).checked = true;
  draw();
}

function toggleFull() {
  if (document.fullscreenElement) document.exitFullscreen();
  else byId("viewer").requestFullscreen?.();
}

const isDark = () => getComputedStyle(document.documentElement).colorScheme === "dark" || (!document.documentElement.dataset.theme && matchMedia("(prefers-color-scheme: dark)").matches);

function toggleTheme() {
  setTheme(isDark() ? "light" : "dark");
}

function setTheme(theme) {
  if (theme) {
    document.documentElement.dataset.theme = theme;
    storage.set("restore-theme", theme);
  }
  byId("theme").setAttribute("aria-pressed", isDark());
}

// The address contains the picture and the view, so that it can be shared.
function rememberPlace() {
  try {
    history.replaceState(null, "", `#${state.row + 1}/${state.view}`);
  } catch { /* not allowed here */ }
}

function placeInAddress() {
  const [, number, view] = /^#(\d+)\/(slider|side|difference)$/.exec(location.hash) ?? [];
  return number && facts.rows[number - 1]?.seen ? { number: number - 1, view } : null;
}

// The address changed, by hand or by the browser's history.
function followAddress() {
  const place = placeInAddress();
  if (!place) return;
  if (place.view !== state.view) setView(place.view);
  if (place.number !== state.row) open(place.number);
}

function listenToButtons() {
  const clicks = {
    previous: () => walk(-1),
    next: () => walk(1),
    "zoom-in": () => zoomBy(1.25),
    "zoom-out": () => zoomBy(0.8),
    "zoom-value": () => zoomToPixels(),
    "zoom-fit": zoomToFit,
    full: toggleFull,
    theme: toggleTheme,
    "help-open": () => byId("help").showModal(),
  };
  for (const [id, action] of Object.entries(clicks)) byId(id).addEventListener("click", action);
  const choices = { views: setView, scaling: value => setSmooth(value === "smooth"), amplify: value => setAmplify(Number(value)) };
  for (const [id, action] of Object.entries(choices)) byId(id).addEventListener("change", event => action(event.target.value));
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => setTheme(null));
}

function showFacts() {
  const notes = byId("notes");
  notes.append(...facts.notes.map(note => element("li", "", note)));
  notes.hidden = !facts.notes.length;
  byId("job").hidden = !facts.job.length;
  for (const [term, value] of facts.job) {
    const pair = element("div");
    pair.append(element("dt", "", term), element("dd", "", value));
    byId("job-facts").append(pair);
  }
}

function start() {
  setTheme(storage.get("restore-theme"));
  facts.rows.forEach((row, number) => Object.assign(row, { number, seen: seen(row).length > 1 }));
  showFacts();
  buildTable();
  listenToButtons();
  listenToKeys();
  chooseAmplify();
  arrange();
  byId("viewer").hidden = !state.order.length;
  if (!state.order.length) return;
  listenToGestures();
  addEventListener("hashchange", followAddress);
  const place = placeInAddress();
  if (place) setView(place.view);
  open(place?.number ?? state.order[0]);
}

start();
