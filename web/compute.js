// The worker: unpacks, compiles and runs, so that the page scrolls and answers meanwhile.

import * as ort from "onnxruntime-web/wasm";

/** A packed file, as it comes or whole.
 * @typedef {ReadableStream<Uint8Array<ArrayBuffer>> | ArrayBuffer} Packed */
/** What the page asks for: that the engine or a network be loaded, or pictures of a network.
 * @typedef {{type: "float32" | "int64" | "uint8", data: number[], dims: number[]}} Given
 * @typedef {{number: number, engine?: Packed, network?: Packed, session?: number,
 *   feeds?: Record<string, Given>}} Question */

const PACKED = [0x1f, 0x8b]; // how a gzip file begins

/** @type {ort.InferenceSession[]} */
const sessions = [];
/** @type {(compiled: Promise<void>) => void} */
let begin;
/** @type {Promise<void>} Kept once the engine is there. */
const ready = new Promise((resolve) => (begin = resolve));

self.onmessage = async (/** @type {MessageEvent<Question>} */ { data }) => {
  const { number } = data;
  try {
    self.postMessage({ number, answer: await answer(data) });
  } catch (error) {
    self.postMessage({ number, error: String(error) });
  }
};

/** @param {Question} question */
async function answer({ engine, network, session, feeds }) {
  if (engine) {
    begin(compile(await unpacked(engine)));
    return ready;
  }
  if (network) {
    const bytes = await new Response(await unpacked(network)).arrayBuffer();
    await ready;
    return sessions.push(await ort.InferenceSession.create(bytes, { logSeverityLevel: 3 })) - 1;
  }
  const tensors = Object.entries(feeds ?? {}).map(([name, given]) => [name, tensor(given)]);
  const results = await sessions[session ?? 0].run(Object.fromEntries(tensors));
  return Object.fromEntries(Object.entries(results).map(([name, { data }]) => [name, { data }]));
}

/** @param {Given} given */
function tensor({ type, data, dims }) {
  if (type === "int64") return new ort.Tensor(type, data.map(BigInt), dims);
  return new ort.Tensor(type, data, dims);
}

/** Compile the engine while it arrives, and let onnxruntime-web take it.
 * @param {ReadableStream} stream */
async function compile(stream) {
  const headers = { "Content-Type": "application/wasm" };
  const module = await WebAssembly.compileStreaming(new Response(stream, { headers }));
  // It would take the engine's bytes only, and compile them after the last has come.
  const { instantiate } = WebAssembly;
  WebAssembly.instantiate = /** @type {typeof instantiate} */ (
    async (/** @type {BufferSource} */ source, /** @type {WebAssembly.Imports} */ imports) => {
      if (source.byteLength) return instantiate(source, imports);
      return { module, instance: await instantiate(module, imports) };
    }
  );
  ort.env.wasm.wasmBinary = new ArrayBuffer(0);
  ort.env.wasm.numThreads = 1; // more of them need headers that hosts of plain files lack
}

/** What is in a packed file, as it comes; a file that is cut off ends in an error.
 * @param {Packed} file */
async function unpacked(file) {
  const stream = file instanceof ArrayBuffer ? new Blob([file]).stream() : file;
  const [head, whole] = stream.tee();
  const reader = head.getReader();
  const { value: start } = await reader.read();
  reader.cancel();
  const packed = PACKED.every((byte, place) => start?.[place] === byte); // or did the host unpack?
  return packed ? whole.pipeThrough(new DecompressionStream("gzip")) : whole;
}
