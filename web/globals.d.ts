/** Name of the engine's file; esbuild fills it in. */
declare const ENGINE: string;
/** Name of the worker's file for pages that are opened from a disk; it changes with the worker. */
declare const COMPUTE: string;

interface Window {
  /** Files that came as scripts, by name, in base64. */
  aetutorFiles?: Record<string, string>;
}
