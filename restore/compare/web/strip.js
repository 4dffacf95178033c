// Thumbnails of all pictures, in the order of the table.

const smalls = new Map();

function small(number) {
  const row = facts.rows[number];
  const item = element("li");
  const button = element("button");
  button.type = "button";
  button.title = row.name;
  const image = element("img");
  Object.assign(image, { src: row.thumbnail, alt: row.name, loading: "lazy", decoding: "async", width: 84, height: 58 });
  button.append(image);
  button.addEventListener("click", () => open(number));
  item.append(button);
  return item;
}

function arrangeStrip() {
  for (const number of state.order) if (!smalls.has(number)) smalls.set(number, small(number));
  byId("strip").replaceChildren(...state.order.map(number => smalls.get(number)));
  byId("strip").parentElement.hidden = facts.rows.filter(row => row.seen).length < 2;
  markStrip();
}

function markStrip() {
  for (const [number, item] of smalls) {
    const button = item.firstElementChild;
    if (number === state.row) button.setAttribute("aria-current", "true");
    else button.removeAttribute("aria-current");
  }
  const item = smalls.get(state.row);
  const strip = byId("strip").parentElement;
  if (item?.isConnected) strip.scrollLeft = item.offsetLeft + item.offsetWidth / 2 - strip.clientWidth / 2;
}
