// Differences as colors. The map is a gray picture of 255 * sqrt(d / 255); a filter with three tables undoes the root,
// amplifies and colors it. A filter needs no pixel access, so it also works on files next to a page opened from disk.

// matplotlib's inferno at 33 even steps (CC0): brightness grows with the value, also for color-blind readers.
const INFERNO =
  "000004040312" + "0b0724150b37" + "210c4a2f0a5b" + "3d09654a0c6b" + "57106e64156e" + "71196e7d1e6d" + "8a226a972766" +
  "a32c61b0315b" + "bc3754c73e4c" + "d24644db503b" + "e45a31eb6628" + "f1731df68013" + "f98e09fb9d07" + "fcac11fbbc21" +
  "f9cb35f5db4c" + "f2ea69f3f68a" + "fcffa4";
const STEPS = INFERNO.match(/.{6}/g).map(step => step.match(/../g).map(part => parseInt(part, 16) / 255));

// Red, green and blue, 0..1, of a value 0..1.
function heatColor(value) {
  const place = Math.min(1, value) * (STEPS.length - 1);
  const low = Math.min(Math.floor(place), STEPS.length - 2);
  return STEPS[low].map((part, channel) => part + (STEPS[low + 1][channel] - part) * (place - low));
}

function paintHeat() {
  const colors = Array.from({ length: 256 }, (_, stored) => heatColor(state.amplify * (stored / 255) ** 2));
  ["red", "green", "blue"].forEach((name, channel) => {
    byId(`heat-${name}`).setAttribute("tableValues", colors.map(color => color[channel].toFixed(4)).join(" "));
  });
  const stops = STEPS.map(step => `rgb(${step.map(part => Math.round(part * 255)).join(" ")})`);
  byId("ramp").style.background = `linear-gradient(to right, ${stops.join(", ")})`;
  byId("legend-most").textContent = `${numberText(255 / state.amplify, state.amplify > 8 ? 1 : 0)} of 255`;
}

// Amplify until the mean difference is visible; the same for all pictures, so that colors are comparable.
function chooseAmplify() {
  const columns = facts.columns.flatMap(({ label }, i) => (label === "difference" ? [i] : []));
  const values = facts.rows.flatMap(row => columns.map(i => row.cells[i])).filter(value => value !== null);
  const mean = values.reduce((sum, value) => sum + value, 0) / Math.max(1, values.length);
  setAmplify(2 ** Math.min(4, Math.max(0, Math.floor(Math.log2(25 / Math.max(mean, 0.1))))));
}

function setAmplify(times) {
  state.amplify = times;
  document.querySelector(`input[name=amplify][value="${times}"]`).checked = true;
  paintHeat();
}
