import js from "@eslint/js";

const names = (text) => Object.fromEntries(text.split(" ").map((name) => [name, "readonly"]));

export default [
  { ignores: ["**/node_modules/"] },
  js.configs.recommended,
  {
    files: ["aetutor/explore/*.js", "web/*.js"],
    ignores: ["web/eslint.config.js", "web/worker.js"],
    languageOptions: {
      globals: names(
        "Blob COMPUTE DecompressionStream ENGINE ImageData IntersectionObserver PerformanceObserver ReadableStream " +
          "Response URL WebAssembly Worker addEventListener atob clearTimeout console document fetch location matchMedia " +
          "navigator performance requestAnimationFrame self setTimeout",
      ),
    },
  },
  {
    files: ["web/worker.js"],
    languageOptions: { globals: names("VERSION caches fetch self") },
  },
];
