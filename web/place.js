// A place on a picture, to be dragged, or moved by the arrow keys.

/** @typedef {import("./player.js").Part} Part */

const FASTER = 5; // times as far with the shift key
const LONGEST = 600; // places of a way that are kept
/** @type {Record<string, [number, number]>} */
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };

export class PlaceOn {
  /** @param {HTMLElement} picture
   * @param {Part} control
   * @param {(place: number[]) => void} moved called with the place when a hand moves it */
  constructor(picture, control, moved) {
    this.control = control;
    this.moved = moved;
    this.at = /** @type {number[]} */ (/** @type {unknown} */ (control.value));
    /** @type {number[][]} The way of the hand so far. */
    this.way = [];
    this.byPointer = true;
    this.layer = document.createElement("div");
    this.layer.className = "place";
    this.layer.tabIndex = 0;
    this.layer.setAttribute("role", "application");
    picture.replaceWith(this.layer);
    this.layer.append(picture);
    this.layer.insertAdjacentHTML(
      "beforeend",
      '<svg viewBox="0 0 1 1" preserveAspectRatio="none" aria-hidden="true"><polyline/></svg>',
    );
    this.layer.addEventListener("pointerdown", (event) => this.press(event));
    this.layer.addEventListener("pointermove", (event) => {
      if (event.pointerId === this.pointer) this.drag(event);
    });
    for (const end of ["pointerup", "pointercancel", "lostpointercapture"]) {
      this.layer.addEventListener(end, (event) => {
        if (/** @type {PointerEvent} */ (event).pointerId === this.pointer) this.pointer = undefined;
      });
    }
    this.layer.addEventListener("keydown", (event) => this.key(event));
  }

  /** @param {PointerEvent} event */
  press(event) {
    if (event.button !== 0 || this.pointer !== undefined) return;
    this.layer.setPointerCapture(event.pointerId);
    /** @type {number | undefined} */
    this.pointer = event.pointerId;
    this.byPointer = true;
    this.way = [];
    this.drag(event);
  }

  /** @param {PointerEvent} event */
  drag({ clientX, clientY }) {
    const { left, top, width, height } = this.layer.getBoundingClientRect();
    this.go((clientX - left) / width, 1 - (clientY - top) / height);
  }

  /** @param {KeyboardEvent} event */
  key(event) {
    const direction = ARROWS[event.key];
    if (!direction) return;
    event.preventDefault(); // the page would scroll
    if (this.byPointer) this.way = [this.at];
    this.byPointer = false;
    const step = this.control.step * (event.shiftKey ? FASTER : 1);
    this.go(this.at[0] + direction[0] * step, this.at[1] + direction[1] * step);
  }

  /** @param {number[]} place */
  go(...place) {
    const inside = place.map((share) => Math.min(1, Math.max(0, share)));
    this.way = [...this.way.slice(1 - LONGEST), inside];
    const points = this.way.map(([x, y]) => `${x},${1 - y}`).join(" ");
    this.layer.querySelector("polyline")?.setAttribute("points", points);
    this.moved(inside);
  }

  /** What to play: the hand's way, if it is one. */
  places() {
    return this.way.length > 1 ? this.way : this.control.path;
  }

  /** @param {number[]} place
   * @param {string} words */
  show(place, words) {
    this.at = place;
    this.layer.setAttribute("aria-label", `${this.control.label}: ${words}. Arrow keys move it.`);
  }
}
