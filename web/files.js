// Loads the engine and the networks, and keeps the pages for a visitor without a network.

const HERE = /** @type {HTMLScriptElement} */ (document.currentScript).src; // _static/player.js
const DISK = location.protocol === "file:";
const PACKED = [0x1f, 0x8b]; // how a gzip file begins

/** The bytes of a packed file.
 * @param {string} name Without the suffix.
 * @returns {Promise<ArrayBuffer>} */
export async function load(name) {
  const bytes = DISK ? await fromScript(name) : await fetched(name);
  const start = new Uint8Array(bytes, 0, 2);
  if (!PACKED.every((byte, place) => start[place] === byte)) return bytes; // the host unpacked it
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Response(stream).arrayBuffer(); // raises an error if the file is cut off
}

/** @param {string} name */
async function fetched(name) {
  const response = await fetch(new URL(`files/${name}.gz`, HERE));
  if (!response.ok) throw new Error(`${name}: ${response.status}`);
  return response.arrayBuffer();
}

/** From a disk a browser loads scripts only, so each file is there as a script, too.
 * @param {string} name
 * @returns {Promise<ArrayBuffer>} */
function fromScript(name) {
  return new Promise((resolve, reject) => {
    const script = document.createElement("script");
    script.src = new URL(`files/${name}.js`, HERE).href;
    script.onerror = () => reject(new Error(`${name} cannot be read`));
    script.onload = () => {
      const text = self.aetutorFiles?.[name];
      if (!text) return reject(new Error(`${name} is cut off`));
      delete self.aetutorFiles?.[name];
      resolve(Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0)).buffer);
    };
    document.head.append(script);
  });
}

if (!DISK && "serviceWorker" in navigator) {
  addEventListener("load", async () => {
    await navigator.serviceWorker.register(new URL("../sw.js", HERE));
    const { active } = await navigator.serviceWorker.ready;
    // What came before the worker did.
    const loaded = performance.getEntriesByType("resource").map(({ name }) => name);
    active?.postMessage([location.href, ...loaded]);
  });
}
