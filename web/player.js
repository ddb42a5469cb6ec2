// Plays every explorer on a page. The markup (explorers.py) has the controls and the first
// pictures already; this script computes new pictures from the controls' values.
//
// An explorer is an ONNX network from the values of controls to pixels and a few numbers, with a
// description (aetutor.scenes.describe) of both. Nothing here knows an explorer by name.

import * as ort from "./engine.js";
import "./guess.js";
import "./print.js";

/** A control or an output, as aetutor.scenes describes them.
 * @typedef {{kind: string, name: string, dtype: string | null, value: number, low: number,
 *   high: number, step: number, count: number, play: number | null, controls: string[],
 *   options?: string[], texts?: string[], decimals?: number, percent?: boolean, unit?: string,
 *   alt: string, height: number, width: number, times: number,
 *   click: [string, string] | null}} Part */
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
    /** @type {Record<string, number>} */
    this.values = Object.fromEntries(this.inputs.map(({ name, value }) => [name, value]));
    /** @type {Record<string, number>} Numbers that came with the last pictures. */
    this.numbers = {};
    /** @type {Record<string, string>} What each picture was last said to show. */
    this.said = {};
    /** @type {ort.InferenceSession | undefined} */
    this.session = undefined;
    this.waiting = this.drawing = false;
    this.playing = "";
    for (const control of this.scene.controls) this.connect(control);
    for (const output of this.scene.outputs.filter(({ click }) => click)) {
      this.part(output.name).addEventListener("click", () => {
        const [name, source] = /** @type {[string, string]} */ (output.click);
        if (source in this.numbers) this.set(name, this.numbers[source]);
      });
    }
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
        this.set(name, (this.values[name] + 1) % control.count);
      });
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

  /** Give a control a value.
   * @param {string} name
   * @param {number} value */
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
    if (!control || !element || control.kind === "counter") return;
    const input = /** @type {HTMLInputElement} */ (element);
    if (Number(input.value) !== this.values[name]) input.value = String(this.values[name]);
    if (control.kind !== "slider") return;
    const words = inWords(control, this.values[name]);
    input.setAttribute("aria-valuetext", words);
    const beside = this.root.querySelector(`output[for="${input.id}"]`);
    if (beside) beside.textContent = words;
  }

  /** Move a slider to its end by itself, or stop that.
   * @param {Part} control */
  play({ name, low, high, step, play }) {
    if (this.playing) return this.stop();
    this.playing = name;
    this.button(name, "Stop");
    if (this.values[name] >= high) this.set(name, low);
    const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
    const [stride, pause] = calm ? [(high - low) / 10, CALM] : [step, play ?? CALM];
    let last = performance.now();
    const move = (/** @type {number} */ now) => {
      if (!this.playing) return;
      const steps = Math.min(5, Math.floor((now - last) / pause)); // a hidden page has stood still
      if (steps > 0) {
        last = now;
        const next = Math.min(high, this.values[name] + steps * stride);
        this.set(name, low + Math.round((next - low) / step) * step);
      }
      if (this.values[name] < high) requestAnimationFrame(move);
      else this.stop();
    };
    requestAnimationFrame(move);
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
    const feeds = Object.fromEntries(this.inputs.map((c) => [c.name, scalar(c, values[c.name])]));
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
 * @param {number} value */
function scalar(control, value) {
  if (control.dtype === "int64") return new ort.Tensor("int64", [value], []);
  return new ort.Tensor("float32", [value], []);
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
 * @param {number} value */
function inWords(part, value) {
  const { kind, options, texts, decimals, percent, unit } = part;
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

const near = new IntersectionObserver(
  (entries) => {
    for (const { isIntersecting, target } of entries) {
      if (!isIntersecting) continue;
      near.unobserve(target);
      explorers.get(target)?.wake();
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
