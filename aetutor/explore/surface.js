// A sheet to draw on, by mouse, pen, finger or keyboard: on a page and, by anywidget, in a notebook.

/** @typedef {[number, number]} Place in cells, from the left and from the top */

const RADIUS = 1.2; // of the pen; aetutor/scenes/_sheet.py has the same one
/** @type {Record<string, Place>} */
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
const KEYS = "The arrow keys move the pen, the space bar sets it down and lifts it.";

export class Surface {
  /** @param {HTMLElement} root with places for the sheet, a note and a word
   * @param {number[]} sheet what is on it: ink from 0 to 255, row by row
   * @param {(sheet: number[]) => void} changed called with the sheet whenever it changes
   * @param {() => void} [drawn] called with every stroke */
  constructor(root, sheet, changed, drawn = () => {}) {
    this.root = root;
    this.side = Math.sqrt(sheet.length);
    this.changed = changed;
    this.drawn = drawn;
    this.sheet = [...sheet];
    this.fresh = true; // what is there is only an example: the first stroke takes its place
    /** @type {number | undefined} The pointer that draws. */
    this.pointer = undefined;
    /** @type {Place} */
    this.last = [this.side / 2, this.side / 2];
    this.left = this.down = false;
    this.canvas = this.makeCanvas();
    const finger = matchMedia("(pointer: coarse)").matches;
    const how = finger ? "Draw here with a finger." : `Draw here with the mouse or a pen. ${KEYS}`;
    /** @type {HTMLElement} */ (root.querySelector(".note")).textContent = how;
  }

  makeCanvas() {
    const canvas = document.createElement("canvas");
    Object.assign(canvas, { width: this.side, height: this.side, tabIndex: 0 });
    canvas.setAttribute("role", "application");
    canvas.setAttribute("aria-label", `Sheet to draw on. ${KEYS}`);
    canvas.addEventListener("pointerdown", (event) => this.press(event));
    canvas.addEventListener("pointermove", (event) => this.move(event));
    for (const end of ["pointerup", "pointercancel", "lostpointercapture"]) {
      canvas.addEventListener(end, (event) => this.release(/** @type {PointerEvent} */ (event)));
    }
    canvas.addEventListener("keydown", (event) => this.key(event));
    canvas.addEventListener("blur", () => (this.down = false));
    this.cursor = document.createElement("span");
    this.cursor.className = "cursor";
    this.root.querySelector(".sheet")?.replaceChildren(canvas, this.cursor);
    this.paint(canvas);
    return canvas;
  }

  /** @param {PointerEvent} event */
  press(event) {
    if (event.button !== 0) return;
    if (this.pointer !== undefined) {
      return this.say("One finger draws at a time: the second one is left out.");
    }
    this.canvas.setPointerCapture(event.pointerId); // the stroke goes on where it leaves the sheet
    this.pointer = event.pointerId;
    this.left = false;
    this.say("");
    this.begin();
    this.line(this.place(event));
  }

  /** @param {PointerEvent} event */
  move(event) {
    if (event.pointerId !== this.pointer) return;
    const between = event.getCoalescedEvents?.() ?? [];
    for (const each of between.length ? between : [event]) this.line(this.place(each), this.last);
  }

  /** @param {PointerEvent} event */
  release(event) {
    if (event.pointerId !== this.pointer) return;
    this.pointer = undefined;
    if (this.left) this.say("What lies outside the sheet is left out.");
  }

  /** Where an event is; outside the sheet, too.
   * @param {PointerEvent} event
   * @returns {Place} */
  place({ clientX, clientY }) {
    const { left, top, width, height } = this.canvas.getBoundingClientRect();
    const x = ((clientX - left) / width) * this.side;
    const y = ((clientY - top) / height) * this.side;
    this.left ||= Math.min(x, y) < 0 || Math.max(x, y) > this.side;
    return [x, y];
  }

  /** @param {KeyboardEvent} event */
  key(event) {
    const step = ARROWS[event.key];
    if (!step && event.key !== " ") return;
    event.preventDefault(); // the page would scroll
    const from = this.cell();
    if (step) {
      const inside = (/** @type {number} */ at) => Math.min(this.side - 0.5, Math.max(0.5, at));
      this.last = [inside(from[0] + step[0]), inside(from[1] + step[1])];
      if (this.down) this.line(this.last, from);
    } else {
      this.down = !this.down;
      this.last = from;
      if (this.down) {
        this.begin();
        this.line(from);
      }
    }
    const [column, row] = this.last.map(Math.ceil);
    this.say(`Row ${row}, column ${column}, pen ${this.down ? "down" : "up"}.`);
    this.showCursor();
  }

  /** The middle of the cell in which the pen was last.
   * @returns {Place} */
  cell() {
    const middle = (/** @type {number} */ at) =>
      Math.min(this.side - 1, Math.max(0, Math.floor(at))) + 0.5;
    return [middle(this.last[0]), middle(this.last[1])];
  }

  showCursor() {
    const [x, y] = this.cell();
    const share = (/** @type {number} */ at) => `${(100 * (at - 0.5)) / this.side}%`;
    const size = `${100 / this.side}%`;
    Object.assign(this.cursor?.style ?? {}, { left: share(x), top: share(y), width: size, height: size });
  }

  /** Before a stroke: an example that nobody has chosen makes room. */
  begin() {
    if (this.fresh) this.sheet.fill(0);
    this.fresh = false;
  }

  /** Draw a straight line with the round pen, or a dot.
   * @param {Place} to
   * @param {Place} from */
  line(to, from = to) {
    const [x, y] = from;
    const [across, along] = [to[0] - x, to[1] - y];
    const length = Math.max(across ** 2 + along ** 2, 1e-9);
    for (let cell = 0; cell < this.sheet.length; cell++) {
      const column = (cell % this.side) + 0.5 - x;
      const row = Math.floor(cell / this.side) + 0.5 - y;
      const share = Math.min(1, Math.max(0, (column * across + row * along) / length));
      const distance = Math.hypot(column - share * across, row - share * along);
      const ink = Math.min(1, Math.max(0, RADIUS + 0.5 - distance));
      this.sheet[cell] = Math.max(this.sheet[cell], Math.round(255 * ink));
    }
    this.last = to;
    this.drawn();
    this.update();
  }

  /** Put something else on the sheet.
   * @param {number[]} sheet */
  replace(sheet) {
    this.sheet = [...sheet];
    this.fresh = false;
    this.say("");
    this.update();
  }

  update() {
    this.paint(this.canvas);
    this.changed([...this.sheet]);
  }

  /** @param {HTMLCanvasElement} canvas */
  paint(canvas) {
    const pixels = new Uint8ClampedArray(this.sheet.flatMap((ink) => [ink, ink, ink, 255]));
    canvas.getContext("2d")?.putImageData(new ImageData(pixels, this.side, this.side), 0, 0);
  }

  /** @param {string} text */
  say(text) {
    const element = this.root.querySelector(".word");
    if (element && element.textContent !== text) element.textContent = text;
  }
}

/** What anywidget gives a widget's script of its side in Python.
 * @typedef {{get: (name: string) => number[], set: (name: string, value: number[]) => void,
 *   save_changes: () => void, on: (event: string, then: () => void) => void,
 *   off: (event: string, then: () => void) => void}} Model */

export default {
  /** Show the sheet of a widget; when Python changes it, the sheet changes, and the other way.
   * @param {{model: Model, el: HTMLElement}} view
   * @returns {() => void} what ends it */
  render({ model, el }) {
    el.classList.add("surface");
    el.innerHTML =
      '<p class="note"></p><div class="sheet"></div><p class="word" role="status"></p>';
    const surface = new Surface(el, model.get("value"), (sheet) => {
      model.set("value", sheet);
      model.save_changes();
    });
    const follow = () => {
      const sheet = model.get("value");
      if (String(sheet) !== String(surface.sheet)) surface.replace(sheet);
    };
    model.on("change:value", follow);
    return () => model.off("change:value", follow);
  },
};
