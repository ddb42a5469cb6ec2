// Loads the engine and the networks, and keeps the pages for a visitor without a network.

const HERE = /** @type {HTMLScriptElement} */ (document.currentScript).src; // _static/player.js
const DISK = location.protocol === "file:";
const WORKER = new URL(`compute.js?v=${COMPUTE}`, HERE).href;

/** A packed file, as it comes or whole.
 * @param {string} name Without the suffix.
 * @returns {Promise<ReadableStream<Uint8Array<ArrayBuffer>> | ArrayBuffer>} */
export function find(name) {
  return DISK ? fromScript(name) : fetched(name);
}

/** A worker that runs compute.js; from a disk a browser loads no other script into one. */
export async function newWorker() {
  if (!DISK) return new Worker(WORKER);
  const packed = new Blob([await fromScript(COMPUTE)]).stream();
  const stream = packed.pipeThrough(new DecompressionStream("gzip"));
  const type = "text/javascript";
  return new Worker(URL.createObjectURL(new Blob([await new Response(stream).text()], { type })));
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
    // What came before the service worker did.
    const loaded = performance.getEntriesByType("resource").map(({ name }) => name);
    active?.postMessage([location.href, WORKER, ...loaded]);
  });
}
