import js from "@eslint/js";

const names = (text) => Object.fromEntries(text.split(" ").map((name) => [name, "readonly"]));

export default [
  { ignores: ["node_modules/"] },
  js.configs.recommended,
  {
    files: ["player.js", "files.js", "guess.js"],
    languageOptions: {
      globals: names(
        "Blob DecompressionStream ENGINE ImageData IntersectionObserver Response URL WebAssembly " +
          "addEventListener atob clearTimeout console document fetch location matchMedia " +
          "navigator performance requestAnimationFrame self setTimeout",
      ),
    },
  },
  {
    files: ["worker.js"],
    languageOptions: { globals: names("VERSION caches fetch self") },
  },
];
