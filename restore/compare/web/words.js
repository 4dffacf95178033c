// Format values as text.

const plain = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });

function bytesText(bytes) {
  const units = ["B", "KB", "MB", "GB"];
  const step = Math.min(units.length - 1, bytes < 1000 ? 0 : Math.floor(Math.log10(bytes) / 3));
  const value = bytes / 1000 ** step;
  return `${value.toFixed(step && value < 100 ? 1 : 0)} ${units[step]}`;
}

function sizeText([width, height]) {
  return `${width} × ${height}`;
}

function numberText(value, digits) {
  return value === Infinity ? "∞" : value.toFixed(digits);
}

function cellText(value, column) {
  if (value === null) return "–";
  if (column.kind === "size") return sizeText(value);
  if (column.kind === "bytes") return bytesText(value);
  return column.kind === "text" ? value : numberText(value, column.digits);
}

// A value comparable with others in its column, for sorting.
function comparable(value) {
  if (value === null || value === undefined) return null;
  return Array.isArray(value) ? value[0] * value[1] : value;
}

// One line about a picture: its versions' sizes, and how the shown copies differ from the files.
function aboutText(row) {
  const versions = seen(row).map(number => ({ label: facts.labels[number], ...row.versions[number] }));
  const parts = versions.map(({ label, size }) => `${label} ${sizeText(size)}`);
  const less = versions.filter(({ size, shown }) => shown[0] < size[0]);
  parts.push(...less.map(({ label, size, shown }) => `${label} shown reduced to ${sizeText(shown)} (${plain.format((100 * shown[0]) / size[0])} %)`));
  const poor = versions.filter(({ quality }) => quality < facts.quality);
  if (poor.length) parts.push(`compressed to quality ${Math.min(...poor.map(({ quality }) => quality))} to keep the page small`);
  return parts.join(" · ");
}
