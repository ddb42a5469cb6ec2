/** Name of the engine's file; esbuild fills it in. */
declare const ENGINE: string;

interface Window {
  /** Files that came as scripts, by name, in base64. */
  aetutorFiles?: Record<string, string>;
}
