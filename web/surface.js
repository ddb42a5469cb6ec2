// A sheet to draw on, by mouse, pen, finger or keyboard.

/** @typedef {import("./player.js").Part} Part */
/** @typedef {[number, number]} Place in cells, from the left and from the top */

const RADIUS = 1.2; // of the pen; aetutor/scenes/_sheet.py has the same one
/** @type {Record<string, Place>} */
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
const LABEL =
  "Sheet to draw on. The arrow keys move the pen, the space bar sets it down and lifts it.";

export class Surface {
  /** @param {HTMLElement} root
   * @param {Part} control
   * @param {(sheet: number[]) => void} changed called with the sheet whenever it changes */
  constructor(root, { side, sheets, value }, changed) {
    this.root = root;
    this.side = side;
    this.changed = changed;
    this.sheet = [...sheets[value]];
    this.fresh = true; // what is there is only an example: the first stroke takes its place
    /** @type {number | undefined} The pointer that draws. */
    this.pointer = undefined;
    /** @type {Place} */
    this.last = [side / 2, side / 2];
    this.left = this.down = false;
    this.canvas = this.makeCanvas();
    const select = /** @type {HTMLSelectElement} */ (root.querySelector("select"));
    this.select = select;
    const choose = () => this.replace(sheets[Number(select.value)]);
    select.addEventListener("change", choose);
    if (Number(select.value) !== value) choose(); // set before this script ran
    root.querySelector("button")?.addEventListener("click", () => {
      select.selectedIndex = -1;
      this.replace(this.sheet.map(() => 0));
    });
  }

  makeCanvas() {
    const canvas = document.createElement("canvas");
    Object.assign(canvas, { width: this.side, height: this.side, tabIndex: 0 });
    canvas.setAttribute("role", "application");
    canvas.setAttribute("aria-label", LABEL);
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
    this.select.selectedIndex = -1; // what is there is none of the drawings any more
    this.update();
  }

  /** @param {number[]} sheet */
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
