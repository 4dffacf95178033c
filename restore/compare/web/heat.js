// Differences as colors. The map is a gray picture of 255 * sqrt(d / 255); a filter with three tables undoes the root,
// amplifies and colors it. A filter needs no pixel access, so it also works on files next to a page opened from disk.

// At 65 even steps of 12 bits a channel: brightness grows evenly with the value, also for color-blind readers.
// Written by scripts/make_color_map.py.
const MAP =
  "0750750750e50d710713812217017a15f1cb1b719322b1f51c528e2331f62f62722263622b12543d22f12804493362a94c3" +
  "3882cb53d3e22e95bc4552fc62b4de3136535673276745f033868e67834869d6f336069876a37a68c7db39667a8463b6663" +
  "8a93d96499113f56309744146159cf4375f7a2345e5d8a704895b8aba4b4598b134d2575b644f454fbb051a527bf65434fe" +
  "c375714d5c735a24abcac5d6481ce160f458d1464a42ed45689404d726cb3dbd9d70f3b3dc675738aded7a1362e117ee33b" +
  "e2884232ce3c899327e4e8f0327e6094932ce709a3336e809fe346e8fa5a35be9dab7376ea5b163b3ea9b7740beaebd9469" +
  "eb2c3b4cbeb5c9f534eb8d035a1ec7d5f68fef0db2799f1de05893f4ee58980f83eaca62fbbf01b3bff7f57c0b";
const STEPS = MAP.match(/.{9}/g).map(step => step.match(/.../g).map(part => parseInt(part, 16) / 4095));

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
