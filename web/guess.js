// Lets a reader guess before the page shows the result.

/** How far a guess is from the answer, in words.
 * @param {string} guess
 * @param {DOMStringMap} known */
function verdict(guess, { answer = "", close, unit = "" }) {
  if (close === undefined) return guess === answer ? "Right." : "Not what happens.";
  const distance = Number(guess) - Number(answer);
  const word = distance > 0 ? "Too high." : "Too low.";
  return `You guessed ${guess}${unit}. ${Math.abs(distance) <= Number(close) ? "Close." : word}`;
}

for (const form of document.querySelectorAll("form.guess")) {
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const field = /** @type {HTMLInputElement} */ (form.querySelector("input, select"));
    const said = form.querySelector(".verdict");
    if (said) said.textContent = verdict(field.value, /** @type {HTMLElement} */ (form).dataset);
    form.querySelector("details")?.setAttribute("open", "");
  });
}
