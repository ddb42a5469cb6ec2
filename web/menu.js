// The theme listens to the buttons in its own header, which these pages do not show. So the
// article's buttons, which look the same, pass their clicks on.

for (const name of ["primary-toggle", "secondary-toggle"]) {
  const [hidden, ...shown] = /** @type {NodeListOf<HTMLElement>} */ (
    document.querySelectorAll(`.${name}`)
  );
  for (const button of shown) button.addEventListener("click", () => hidden.click());
}
