// Asks the worker (compute.js), in which the engine is, for what a network gives.

import { find, newWorker } from "./files.js";

/** @type {Promise<{worker: Worker, ready: Promise<void>}> | undefined} */
let engine;
/** @type {Map<number, {resolve: (answer: any) => void, reject: (error: Error) => void}>} */
const waiting = new Map();
let asked = 0;

/** Make a worker that loads the engine, once for all; a failed attempt can be made again. */
function start() {
  engine ??= begin();
  engine.then(({ ready }) => ready).catch(() => (engine = undefined));
  return engine;
}

async function begin() {
  const worker = await newWorker();
  worker.onmessage = ({ data: { number, answer, error } }) => {
    const { resolve, reject } = waiting.get(number) ?? {};
    waiting.delete(number);
    if (error) reject?.(new Error(error));
    else resolve?.(answer);
  };
  const broken = new Promise((_, reject) => {
    worker.onerror = () => reject(new Error("the worker did not start"));
  });
  const loaded = find(ENGINE).then((file) => ask(worker, { engine: file }));
  const ready = Promise.race([loaded, broken]);
  ready.catch(() => worker.terminate());
  return { worker, ready };
}

/** Ask the worker; what is large goes over to it.
 * @param {Worker} worker
 * @param {Record<string, any>} question
 * @returns {Promise<any>} */
async function ask(worker, question) {
  const number = ++asked;
  for (const [name, part] of Object.entries(question)) {
    if (!(part instanceof ReadableStream)) continue;
    try {
      worker.postMessage({ number, [name]: part }, [part]);
      return waited(number);
    } catch {
      question[name] = await new Response(part).arrayBuffer(); // Safari cannot hand over a stream
    }
  }
  worker.postMessage({ number, ...question });
  return waited(number);
}

/** @param {number} number */
function waited(number) {
  return new Promise((resolve, reject) => waiting.set(number, { resolve, reject }));
}

/** Numbers as the network takes them. */
export class Tensor {
  /** @param {"float32" | "int64" | "uint8"} type
   * @param {number[]} data
   * @param {number[]} dims */
  constructor(type, data, dims) {
    Object.assign(this, { type, data, dims });
  }
}

/** A network in the worker. */
export class InferenceSession {
  /** @param {Worker} worker
   * @param {number} session */
  constructor(worker, session) {
    this.worker = worker;
    this.session = session;
  }

  /** @param {string} name Of its file. */
  static async create(name) {
    const [file, { worker, ready }] = await Promise.all([find(name), start()]);
    const [session] = await Promise.all([ask(worker, { network: file }), ready]);
    return new InferenceSession(worker, session);
  }

  /** @param {Record<string, Tensor>} feeds
   * @returns {Promise<Record<string, {data: ArrayLike<number | bigint>}>>} */
  run(feeds) {
    return ask(this.worker, { session: this.session, feeds });
  }
}
