// Loads the engine and the networks, and keeps the pages for a visitor without a network.

const HERE = /** @type {HTMLScriptElement} */ (document.currentScript).src; // _static/player.js
const DISK = location.protocol === "file:";
const PACKED = [0x1f, 0x8b]; // how a gzip file begins

/** What is in a packed file, as it comes; a file that is cut off ends in an error.
 * @param {string} name Without the suffix.
 * @returns {Promise<ReadableStream<Uint8Array<ArrayBuffer>>>} */
export async function open(name) {
  const stream = DISK ? new Blob([await fromScript(name)]).stream() : await fetched(name);
  const [head, whole] = stream.tee();
  const reader = head.getReader();
  const { value: start } = await reader.read();
  reader.cancel();
  const packed = PACKED.every((byte, place) => start?.[place] === byte); // or did the host unpack?
  return packed ? whole.pipeThrough(new DecompressionStream("gzip")) : whole;
}

/** @param {string} name */
async function fetched(name) {
  const response = await fetch(new URL(`files/${name}.gz`, HERE));
  if (!response.ok || !response.body) throw new Error(`${name}: ${response.status}`);
  return response.body;
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
