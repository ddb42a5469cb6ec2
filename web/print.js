// Prints in dark letters on white, whatever the screen shows.

const { dataset } = document.documentElement;
let shown = dataset.theme;

addEventListener("beforeprint", () => {
  shown = dataset.theme;
  dataset.theme = "light";
});
addEventListener("afterprint", () => {
  dataset.theme = shown;
});
