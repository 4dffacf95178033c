// The table: sortable and searchable; it sets the order of the pictures in the viewer.

const NAME = "name";
const STATE = "status";
const BATCH = 200; // lines created at once; more on scrolling
let sorting = { by: null, down: false };
// The rows to show, in order, and how many of them are already in the table.
let wanted = [];
let present = 0;
const lines = new Map();
// Columns with one label: versions are compared across them.
const rivals = new Map();

function valueOf(row, by) {
  return by === NAME || by === STATE ? row[by] : comparable(row.cells[by]);
}

// Missing values come last in both directions.
function compareBy(by, down) {
  return (one, other) => {
    const [a, b] = [valueOf(one, by), valueOf(other, by)];
    if (a === null || b === null) return (a === null) - (b === null);
    const order = typeof a === "string" ? a.localeCompare(b, undefined, { numeric: true }) : a - b;
    return down ? -order : order;
  };
}

function wantedRows() {
  const words = byId("search").value.trim().toLowerCase();
  const found = facts.rows.filter(row => [row.name, row.status, ...row.problems].join("\n").toLowerCase().includes(words));
  return sorting.by === null ? found : found.sort(compareBy(sorting.by, sorting.down));
}

// Ascending, descending, original order.
function sortBy(by) {
  if (sorting.by !== by) sorting = { by, down: false };
  else sorting = sorting.down ? { by: null, down: false } : { by, down: true };
  arrange();
}

function arrange() {
  const rows = wantedRows();
  state.order = rows.filter(row => row.seen).map(row => row.number);
  wanted = rows;
  present = 0;
  byId("body").replaceChildren(...(rows.length ? [] : [nothingFound()]));
  appendLines();
  for (const head of byId("head").querySelectorAll(".sorter")) {
    const sorted = String(sorting.by) === head.dataset.by;
    head.setAttribute("aria-sort", sorted ? (sorting.down ? "descending" : "ascending") : "none");
  }
  const part = rows.length === facts.rows.length ? "" : `${plain.format(rows.length)} of `;
  byId("count").textContent = `${part}${plain.format(facts.rows.length)}`;
  byId("foot").replaceChildren(means(rows));
  arrangeStrip();
  markWalk();
}

function appendLines() {
  const next = wanted.slice(present, present + BATCH);
  for (const row of next) if (!lines.has(row.number)) lines.set(row.number, line(row));
  byId("body").append(...next.map(row => lines.get(row.number)));
  present += next.length;
  markRow();
}

// A table of many thousand lines takes seconds to lay out, so lines are added as they come near the window.
function appendWhenNear() {
  const near = new IntersectionObserver(
    ([{ isIntersecting }]) => {
      if (!isIntersecting || present >= wanted.length) return;
      appendLines();
      near.unobserve(byId("foot")); // observe again: the end may still be near
      near.observe(byId("foot"));
    },
    { rootMargin: "1500px" },
  );
  near.observe(byId("foot"));
}

function nothingFound() {
  const line = element("tr", "empty");
  const cell = element("td", "", "No name or reason contains this text.");
  cell.colSpan = facts.columns.length + 2;
  line.append(cell);
  return line;
}

// Whether a column begins a group.
const begins = i => i === 0 || facts.columns[i].group !== facts.columns[i - 1].group;

function head(by, label, className = "") {
  const cell = element("th", `sorter ${className}`);
  cell.scope = "col";
  cell.dataset.by = by;
  cell.setAttribute("aria-sort", "none");
  const button = element("button", "", label);
  button.type = "button";
  button.addEventListener("click", () => sortBy(by));
  cell.append(button);
  return cell;
}

function buildHead() {
  const groups = element("tr");
  const corner = element("td", "picture");
  groups.append(corner);
  const heads = element("tr");
  heads.append(head(NAME, "Picture", "picture words-column"));
  if (facts.states) {
    groups.append(element("td"));
    heads.append(head(STATE, "Status", "words-column first"));
  }
  facts.columns.forEach((column, i) => {
    if (begins(i)) {
      const group = element("th", "group", column.group);
      group.scope = "colgroup";
      group.colSpan = facts.columns.filter(({ group: name }) => name === column.group).length;
      groups.append(group);
    }
    const cell = head(i, column.label, begins(i) ? "first" : "");
    cell.title = column.about ?? "";
    if (column.unit) cell.querySelector("button").append(element("span", "muted", ` ${column.unit}`));
    heads.append(cell);
  });
  byId("head").append(groups, heads);
}

function pictureCell(row) {
  const cell = element("th", "picture");
  cell.scope = "row";
  const inside = element("div", "in");
  const small = element(row.thumbnail ? "img" : "span", row.thumbnail ? "" : "none");
  if (row.thumbnail) Object.assign(small, { src: row.thumbnail, alt: "", loading: "lazy", width: 54, height: 38 });
  const name = element(row.seen ? "button" : "span", row.seen ? "" : "name", row.name);
  name.title = row.name;
  if (row.seen) {
    name.type = "button";
    name.addEventListener("click", () => open(row.number));
  }
  inside.append(small, name);
  cell.append(inside);
  return cell;
}

function stateCell(row) {
  const cell = element("td", "state first");
  cell.append(element("span", `chip ${row.status}`, row.status));
  if (row.problems.length) {
    const reasons = element("ul");
    reasons.append(...row.problems.map(problem => element("li", "", problem)));
    cell.append(reasons);
  }
  return cell;
}

// The columns in which a picture's value is the best of all versions.
function bestOf(row) {
  const best = new Set();
  for (const columns of rivals.values()) {
    const measured = columns.filter(i => facts.columns[i].better && row.cells[i] !== null);
    if (measured.length < 2) continue;
    const pick = facts.columns[measured[0]].better === "higher" ? Math.max : Math.min;
    const most = pick(...measured.map(i => row.cells[i]));
    for (const i of measured) if (row.cells[i] === most) best.add(i);
  }
  return best;
}

function line(row) {
  const made = element("tr");
  made.append(pictureCell(row));
  if (facts.states) made.append(stateCell(row));
  const best = bestOf(row);
  made.append(
    ...facts.columns.map((column, i) => {
      const cell = element("td", [begins(i) ? "first" : "", best.has(i) ? "best" : ""].join(" ").trim(), cellText(row.cells[i], column));
      if (best.has(i)) cell.title = "the best of the versions";
      return cell;
    }),
  );
  return made;
}

function means(rows) {
  const made = element("tr");
  const title = element("th", "picture", "Mean");
  title.scope = "row";
  made.append(title);
  if (facts.states) made.append(element("td", "first"));
  facts.columns.forEach((column, i) => {
    const values = rows.map(row => row.cells[i]).filter(value => value !== null);
    const known = column.kind === "number" && values.length > 0;
    const mean = known ? values.reduce((sum, value) => sum + value, 0) / values.length : 0;
    made.append(element("td", begins(i) ? "first" : "", known ? numberText(mean, column.digits) : ""));
  });
  return made;
}

function markRow() {
  lines.forEach((one, number) => {
    if (number === state.row) one.setAttribute("aria-current", "true");
    else one.removeAttribute("aria-current");
  });
}

function buildTerms() {
  const known = new Map(facts.columns.filter(column => column.about).map(({ label, about }) => [label, about]));
  for (const [label, about] of known) {
    const pair = element("div");
    pair.append(element("dt", "", label), element("dd", "", about));
    byId("terms").append(pair);
  }
}

function buildTable() {
  for (const row of facts.rows) row.cells = row.cells.map(value => (value === "infinite" ? Infinity : value));
  facts.columns.forEach(({ label }, i) => rivals.set(label, [...(rivals.get(label) ?? []), i]));
  buildHead();
  buildTerms();
  byId("search").addEventListener("input", arrange);
  appendWhenNear();
}
