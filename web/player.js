// Plays every explorer on a page. The markup (explorers.py) has the controls and the first
// pictures already; this script computes new pictures from the controls' values.
//
// An explorer is an ONNX network from the values of controls to pixels and a few numbers, with a
// description (aetutor.scenes.describe) of both. Nothing here knows an explorer by name.

import * as ort from "./engine.js";
import "./guess.js";
import "./menu.js";
import { PlaceOn } from "./place.js";
import "./print.js";
import { Surface } from "../aetutor/explore/surface.js";

/** A control or an output, as aetutor.scenes describes them.
 * @typedef {{kind: string, name: string, dtype: string | null, value: number, low: number,
 *   high: number, step: number, count: number, play: number | null, controls: string[],
 *   label: string, shape: number[], until?: string | null, side: number, sheets: number[][],
 *   picture: string, path: number[][],
 *   options?: string[], texts?: string[], decimals?: number, percent?: boolean, unit?: string,
 *   alt: string, height: number, width: number, times: number,
 *   click: [string, string] | null, cells: [string, number, number] | null}} Part */
/** A control's value: a number, or the numbers of a sheet or a place.
 * @typedef {number | number[]} Value */
/** @typedef {{name: string, file: string, controls: Part[], outputs: Part[]}} Scene */

const NEAR = "600px"; // how far below the view an explorer begins to load
const PAUSE = 400; // ms without a change before a change is read out
const CALM = 800; // ms a step when playing for those who asked for less motion

class Explorer {
  /** @param {HTMLElement} root */
  constructor(root) {
    this.root = root;
    /** @type {Scene} */
    this.scene = JSON.parse(root.dataset.scene ?? "");
    this.inputs = this.scene.controls.filter((control) => control.dtype);
    /** @type {Record<string, Value>} */
    this.values = Object.fromEntries(
      this.inputs.map(({ name, value, kind, sheets }) => [
        name,
        kind === "surface" ? sheets[value] : value,
      ]),
    );
    /** @type {Record<string, PlaceOn>} */
    this.places = {};
    /** @type {Record<string, number>} Numbers that came with the last pictures. */
    this.numbers = {};
    /** @type {Record<string, string>} What each picture was last said to show. */
    this.said = {};
    /** @type {ort.InferenceSession | undefined} */
    this.session = undefined;
    this.waiting = this.drawing = false;
    this.playing = "";
    for (const control of this.scene.controls) this.connect(control);
    for (const output of this.scene.outputs) this.connectPicture(output);
  }

  /** The element of a control or output.
   * @param {string} name
   * @returns {HTMLElement} */
  part(name) {
    return /** @type {HTMLElement} */ (this.root.querySelector(`[data-name="${name}"]`));
  }

  /** Listen to a control; what was set before this script ran counts.
   * @param {Part} control */
  connect(control) {
    const element = this.part(control.name);
    const { name, kind } = control;
    if (kind === "counter") {
      element.addEventListener("click", () => {
        this.set(name, (this.number(name) + 1) % control.count);
      });
    } else if (kind === "surface") {
      this.connectSheet(element, control);
    } else if (kind === "point") {
      this.places[name] = new PlaceOn(this.part(control.picture), control, (place) => {
        this.stop();
        this.set(name, place);
      });
      this.show(name);
    } else if (kind === "reset") {
      element.addEventListener("click", () => {
        for (const other of this.inputs) {
          if (control.controls.includes(other.name)) this.set(other.name, other.value);
        }
      });
    } else {
      const input = /** @type {HTMLInputElement} */ (element);
      const read = () => {
        if (input.value !== "" && input.checkValidity()) this.set(name, Number(input.value));
      };
      input.addEventListener("input", () => {
        this.stop();
        read();
      });
      input.addEventListener("change", () => this.show(name)); // takes back what is not allowed
      read();
    }
    const button = this.root.querySelector(`[data-play="${name}"]`);
    button?.addEventListener("click", () => this.play(control));
  }

  /** Listen to a sheet, to the drawings to start from and to the button that clears it.
   * @param {HTMLElement} element
   * @param {Part} control */
  connectSheet(element, { name, sheets, value }) {
    const select = /** @type {HTMLSelectElement} */ (element.querySelector("select"));
    const surface = new Surface(
      element,
      sheets[value],
      (sheet) => this.set(name, sheet),
      () => (select.selectedIndex = -1), // what is there is none of the drawings any more
    );
    const choose = () => surface.replace(sheets[Number(select.value)]);
    select.addEventListener("change", choose);
    if (Number(select.value) !== value) choose(); // set before this script ran
    element.querySelector("button")?.addEventListener("click", () => {
      select.selectedIndex = -1;
      surface.replace(surface.sheet.map(() => 0));
    });
  }

  /** Listen to clicks on a picture that sets a control.
   * @param {Part} output */
  connectPicture({ name, click, cells }) {
    const element = this.part(name);
    if (click) {
      const [control, source] = click;
      element.addEventListener("click", () => {
        if (source in this.numbers) this.set(control, this.numbers[source]);
      });
    } else if (cells) {
      const [control, rows, columns] = cells;
      const { low, high } = /** @type {Part} */ (this.inputs.find((c) => c.name === control));
      element.addEventListener("click", ({ clientX, clientY }) => {
        const shown = /** @type {Element} */ (element.firstElementChild);
        const { left, top, width, height } = shown.getBoundingClientRect();
        const cell = (/** @type {number} */ share, /** @type {number} */ count) =>
          Math.min(count - 1, Math.max(0, Math.floor(share * count)));
        const row = cell((clientY - top) / height, rows);
        const number = low + row * columns + cell((clientX - left) / width, columns);
        if (number <= high) this.set(control, number);
      });
    }
  }

  /** A control's value, if it is one number.
   * @param {string} name */
  number(name) {
    return Number(this.values[name]);
  }

  /** Give a control a value.
   * @param {string} name
   * @param {Value} value */
  set(name, value) {
    if (this.values[name] === value) return;
    this.values[name] = value;
    this.show(name);
    this.draw();
  }

  /** Let the page show a control's value.
   * @param {string} name */
  show(name) {
    const control = this.inputs.find((each) => each.name === name);
    const element = this.part(name);
    if (!control || !element || ["counter", "surface"].includes(control.kind)) return;
    const words = inWords(control, this.values[name]);
    if (control.kind === "point") {
      return this.places[name].show(/** @type {number[]} */ (this.values[name]), words);
    }
    const input = /** @type {HTMLInputElement} */ (element);
    if (Number(input.value) !== this.values[name]) input.value = String(this.values[name]);
    if (control.kind !== "slider") return;
    input.setAttribute("aria-valuetext", words);
    const beside = this.root.querySelector(`output[for="${input.id}"]`);
    if (beside) beside.textContent = words;
  }

  /** Move a slider to its end, or a place along its way, by itself; or stop that.
   * @param {Part} control */
  play(control) {
    if (this.playing) return this.stop();
    const { name } = control;
    const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
    const stops = this.places[name]?.places() ?? this.steps(control);
    const stride = calm ? Math.max(1, Math.round((stops.length - 1) / 10)) : 1;
    const pause = calm ? CALM : (control.play ?? CALM);
    this.playing = name;
    this.button(name, "Stop");
    this.set(name, stops[0]);
    let [at, last] = [0, performance.now()];
    const move = (/** @type {number} */ now) => {
      if (!this.playing) return;
      const steps = Math.min(5, Math.floor((now - last) / pause)); // a hidden page has stood still
      if (steps > 0) {
        last = now;
        at = Math.min(stops.length - 1, at + steps * stride);
        this.set(name, stops[at]);
      }
      if (at < stops.length - 1) requestAnimationFrame(move);
      else this.stop();
    };
    requestAnimationFrame(move);
  }

  /** The values of a slider from where it is, or, at its end, from its beginning.
   * @param {Part} control */
  steps({ name, low, step }) {
    const high = Number(/** @type {HTMLInputElement} */ (this.part(name)).max);
    const start = this.number(name) >= high ? low : this.number(name);
    const count = Math.round((high - start) / step);
    return Array.from({ length: count + 1 }, (_, n) => (n === count ? high : low + Math.round((start - low) / step + n) * step));
  }

  stop() {
    if (this.playing) this.button(this.playing, "Play");
    this.playing = "";
  }

  /** @param {string} name
   * @param {string} text */
  button(name, text) {
    const button = this.root.querySelector(`[data-play="${name}"]`);
    if (button) button.textContent = text;
  }

  /** Load the engine and the network, then draw; say so if that fails, and offer to try again. */
  async wake() {
    this.say("loading", "The explorer is loading …");
    try {
      if (typeof WebAssembly === "undefined" || typeof DecompressionStream === "undefined") {
        return this.say(
          "failed",
          "This browser cannot run the explorer: WebAssembly is switched off, or the browser is " +
            "from before 2023. The pictures show one case.",
        );
      }
      this.session = await ort.InferenceSession.create(this.scene.file);
    } catch (error) {
      console.info(error);
      this.say(
        "failed",
        "The explorer did not arrive whole: is the network down? The pictures show one case.",
      );
      const retry = document.createElement("button");
      retry.type = "button";
      retry.textContent = "Try again";
      retry.addEventListener("click", () => this.wake());
      this.root.querySelector(".state")?.append(" ", retry);
      return;
    }
    this.say("alive", "");
    this.draw();
  }

  /** @param {string} state
   * @param {string} text */
  say(state, text) {
    this.root.dataset.state = state;
    const element = this.root.querySelector(".state");
    if (element) element.textContent = text;
  }

  /** Draw with the next frame of the screen; the newest values win, and nothing queues up. */
  draw() {
    this.waiting = true;
    if (!this.session || this.drawing) return;
    this.drawing = true;
    requestAnimationFrame(async () => {
      this.waiting = false;
      try {
        await this.compute(/** @type {ort.InferenceSession} */ (this.session));
      } catch (error) {
        console.info(error);
        this.session = undefined;
        this.say("failed", "The explorer stopped: reload the page to start it again.");
      }
      this.drawing = false;
      if (this.waiting) this.draw();
    });
  }

  /** Compute and show the pictures of the values that there are now.
   * @param {ort.InferenceSession} session */
  async compute(session) {
    const values = { ...this.values };
    const feeds = Object.fromEntries(this.inputs.map((c) => [c.name, tensor(c, values[c.name])]));
    const results = await session.run(feeds);
    /** @type {Record<string, string>} */
    const words = {};
    for (const control of this.inputs) words[control.name] = inWords(control, values[control.name]);
    for (const output of this.scene.outputs) {
      if (output.kind === "picture") continue;
      const number = Number(results[output.name].data[0]);
      this.numbers[output.name] = number;
      words[output.name] = inWords(output, number);
    }
    for (const [name, text] of Object.entries(words)) words[name] = fill(text, words);
    for (const output of this.scene.outputs) {
      const element = this.part(output.name);
      if (!element) continue; // an output that only serves another's words or clicks
      if (output.kind === "picture") {
        paint(element, output, /** @type {Uint8Array} */ (results[output.name].data));
        this.describe(element, output, fill(output.alt, words));
      } else if (output.kind === "bar") {
        /** @type {HTMLProgressElement} */ (element).value = this.numbers[output.name];
      } else {
        element.textContent = words[output.name];
      }
    }
    for (const element of this.root.querySelectorAll("[data-template]")) {
      element.textContent = fill(element.getAttribute("data-template") ?? "", words);
    }
    this.root.dataset.shown = JSON.stringify(values);
    for (const { name, until, low, step } of this.inputs) {
      if (until) this.end(name, Math.max(low + step, this.numbers[until]));
    }
  }

  /** Let a slider end elsewhere.
   * @param {string} name
   * @param {number} high */
  end(name, high) {
    /** @type {HTMLInputElement} */ (this.part(name)).max = String(high);
    if (this.number(name) > high) this.set(name, high);
  }

  /** Label a picture, and read the label out once the hand rests.
   * @param {HTMLElement} element
   * @param {Part} output
   * @param {string} text */
  describe(element, output, text) {
    element.querySelector("canvas")?.setAttribute("aria-label", text);
    if (this.said[output.name] === text) return;
    const first = !(output.name in this.said);
    this.said[output.name] = text;
    if (first) return; // the page says it already
    this.changed = new Set([...(this.changed ?? []), output.name]);
    clearTimeout(this.timer);
    this.timer = setTimeout(() => {
      const texts = [...(this.changed ?? [])].map((name) => this.said[name]);
      this.changed = new Set();
      const element = this.root.querySelector(".said");
      if (element) element.textContent = texts.join(" ");
    }, PAUSE);
  }
}

/** A control's value as the network takes it.
 * @param {Part} control
 * @param {Value} value */
function tensor({ dtype, shape }, value) {
  const numbers = [value].flat();
  if (dtype === "int64") return new ort.Tensor("int64", numbers, shape);
  if (dtype === "uint8") return new ort.Tensor("uint8", numbers, shape);
  return new ort.Tensor("float32", numbers, shape);
}

/** Put pixels (height, width, RGBA) on an element's canvas, in the place of the first picture.
 * @param {HTMLElement} element
 * @param {Part} output
 * @param {Uint8Array} pixels */
function paint(element, { width, height, times }, pixels) {
  let canvas = element.querySelector("canvas");
  if (!canvas) {
    canvas = document.createElement("canvas");
    Object.assign(canvas, { width, height });
    canvas.style.width = `${width * times}px`;
    canvas.setAttribute("role", "img");
    element.replaceChildren(canvas);
  }
  const image = new ImageData(new Uint8ClampedArray(pixels), width, height);
  canvas.getContext("2d")?.putImageData(image, 0, 0);
}

/** A value as it is written, as aetutor.scenes writes it.
 * @param {Part} part
 * @param {Value} value
 * @returns {string} */
function inWords(part, value) {
  const { kind, options, texts, decimals, percent, unit, sheets } = part;
  if (typeof value !== "number") {
    if (kind === "point") {
      const [right, up] = value.map((share) => `${Math.round(100 * share)}%`);
      return `${right} from the left, ${up} from the bottom`;
    }
    const known = sheets.findIndex((sheet) => sheet.every((ink, cell) => ink === value[cell]));
    return options?.[known] ?? "your drawing";
  }
  if (kind === "bar") return `${Math.round(100 * value)}%`;
  if (options ?? texts) return /** @type {string[]} */ (options ?? texts)[value];
  if (decimals === undefined) return String(value);
  return percent ? `${(100 * value).toFixed(decimals)}%` : value.toFixed(decimals) + unit;
}

/** @param {string} template
 * @param {Record<string, string>} words */
function fill(template, words) {
  return template.replace(/\{(\w+)\}/g, (whole, name) => words[name] ?? whole);
}

/** Fulfilled once something is to be seen, which the engine's megabytes would delay. */
const painted = new Promise((done) => {
  new PerformanceObserver((list) => {
    if (list.getEntriesByName("first-contentful-paint").length) done(true);
  }).observe({ type: "paint", buffered: true });
});
const near = new IntersectionObserver(
  (entries) => {
    for (const { isIntersecting, target } of entries) {
      if (!isIntersecting) continue;
      near.unobserve(target);
      painted.then(() => explorers.get(target)?.wake());
    }
  },
  { rootMargin: NEAR },
);
/** @type {Map<Element, Explorer>} */
const explorers = new Map();
for (const root of document.querySelectorAll(".explorer")) {
  explorers.set(root, new Explorer(/** @type {HTMLElement} */ (root)));
  near.observe(root);
}
