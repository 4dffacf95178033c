// Pictures as URLs, created on demand and released when far away.

const urls = new Map();

function urlOf(reference) {
  if (!urls.has(reference)) urls.set(reference, makeUrl(reference));
  return urls.get(reference);
}

async function makeUrl(reference) {
  if (!reference.startsWith("#")) return reference; // a file next to the page
  const block = await wholeBlock(reference.slice(1));
  if (!block) return "data:,"; // the page is truncated: nothing to show
  return URL.createObjectURL(new Blob([bytesOf(block.content.textContent)], { type: block.dataset.kind }));
}

// A block of the page, which may still be loading.
async function wholeBlock(id) {
  const block = byId(id);
  if (document.readyState === "loading" && !block?.nextElementSibling) {
    await new Promise(resolve => document.addEventListener("DOMContentLoaded", resolve, { once: true }));
  }
  return byId(id);
}

function bytesOf(base64) {
  if (Uint8Array.fromBase64) return Uint8Array.fromBase64(base64);
  const letters = atob(base64);
  const bytes = new Uint8Array(letters.length);
  for (let i = 0; i < letters.length; i++) bytes[i] = letters.charCodeAt(i);
  return bytes;
}

// References that cannot be shown: damaged, or missing next to the page.
const broken = new Set();

// Wait until it can be painted immediately, or is known to be broken.
async function decoded(reference) {
  const image = new Image();
  try {
    image.src = await urlOf(reference);
    await image.decode();
    broken.delete(reference);
  } catch {
    broken.add(reference);
  }
}

function referencesOf(row) {
  return row.versions.flatMap(version => (version ? [version.pixels, version.map] : [])).filter(Boolean);
}

// Release all pictures except those of some rows.
function keepAlone(rows) {
  const kept = new Set(rows.flatMap(referencesOf));
  for (const [reference, url] of urls) {
    if (kept.has(reference)) continue;
    urls.delete(reference);
    if (reference.startsWith("#")) url.then(URL.revokeObjectURL);
  }
}
